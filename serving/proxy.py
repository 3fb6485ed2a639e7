"""A layer in Ray Serve's HTTP proxies: what becomes of a request whose ingress replica is lost.

Ray's proxy then ends its answer where it is: as a plain-text 500, or in the midst of a stream. It takes our
layer from the environment variable RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serving.proxy.layers, which the
processes of Ray itself must have.
"""

import logging

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import replica_lost
from .failures import response
from .layers import request_id

logger = logging.getLogger("ray.serve")

DONE = b"data: [DONE]\n\n"
"""How a stream ends that is whole."""
KEPT_BYTES = 64 * 2**20
"""Longest body that is kept until its answer begins. Ray's proxy keeps all of it, too."""


def layers() -> list[Middleware]:
    """What Ray's proxy puts around itself."""
    return [Middleware(IngressLosses)]


class IngressLosses:
    """Tries once more what has no answer yet, and ends with an error event a stream that has begun."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is Ray's proxy."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, once more where nothing came of it, and tell the client if it is lost."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, answer = _Request(receive), _Answer(send)
        await self._app(scope, request.receive, answer.send)
        if answer.begun or request.gone:
            await answer.end_if_broken()
            return
        logger.warning("Request %s: its ingress replica was lost", request_id(scope))
        if request.whole:
            await self._app(scope, request.again().receive, answer.send)
        if answer.begun or request.gone:
            await answer.end_if_broken()
            return
        told = response(replica_lost())
        told.headers["x-request-id"] = request_id(scope)
        await told(scope, receive, send)


class _Request:
    """What came from a client, kept so that it can be sent once more."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self._next = self._bytes = 0
        self.whole, self.gone = True, False

    async def receive(self) -> Message:
        if self._next < len(self._messages):
            self._next += 1
            return self._messages[self._next - 1]
        message = await self._receive()
        self.gone = self.gone or message["type"] == "http.disconnect"
        self._bytes += len(message.get("body", b""))
        self.whole = self.whole and self._bytes <= KEPT_BYTES
        if self.whole:
            self._messages.append(message)
            self._next += 1
        else:
            self._messages.clear()
        return message

    def again(self) -> "_Request":
        self._next = 0
        return self


class _Answer:
    """What goes to a client, and how far it has come: its head is held back until there is a body to it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self.begun = self._ended = self._events = self._done = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head:
            kind = Headers(raw=self._head["headers"]).get("content-type", "")
            self._events = kind.startswith("text/event-stream")
            head, self._head, self.begun = self._head, None, True
            await self._send(head)
        if message["type"] == "http.response.body":
            self._ended = not message.get("more_body", False)
            self._done = message.get("body", b"").endswith(DONE)
        await self._send(message)

    async def end_if_broken(self) -> None:
        """The last event of a stream that broke off; whatever else broke off, the server cuts."""
        if self._events and not self._ended:
            event = b"" if self._done else replica_lost().event().encode()
            await self._send({"type": "http.response.body", "body": event, "more_body": False})
