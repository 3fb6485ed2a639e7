"""A layer in Ray Serve's HTTP proxies: what becomes of a request that no ingress replica answers to its end.

Ray's proxy ends the answer of a lost replica where it is: as a plain-text 500, or in the midst of a stream.
Where it finds no application, or no replica that may take a request, it says so in its own words. It takes
our layer from the environment variable RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serving.proxy.layers, which
the processes of Ray itself must have.
"""

import logging

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RETRY_AFTER_S, OpenAIError, overloaded, replica_lost, unavailable
from .failures import response, told_of
from .layers import DONE, request_id

logger = logging.getLogger("ray.serve")

OF_RAY = "/-/"
"""Begin of the paths where Ray tells probes of itself."""
KEPT_BYTES = 64 * 2**20
"""Longest body that is kept until its answer begins. Ray's proxy keeps all of it, too."""


def layers() -> list[Middleware]:
    """What Ray's proxy puts around itself."""
    return [Middleware(WholeAnswers)]


class WholeAnswers:
    """Tries once more what has no answer yet, and has no answer end in the midst or in Ray's words."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is Ray's proxy."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, once more where nothing came of it, and tell the client if it is lost."""
        if scope["type"] != "http" or scope["path"].startswith(OF_RAY):
            await self._app(scope, receive, send)
            return
        request, answer = _Request(receive), _Answer(send)
        await self._app(scope, request.receive, answer.send)
        if not (answer.begun or answer.refused or request.gone):
            logger.warning("Request %s: its ingress replica was lost", request_id(scope))
            if request.whole:
                await self._app(scope, request.again().receive, answer.send)
        if answer.begun or request.gone:
            await answer.end_if_broken()
            return
        told = response(answer.refused or replica_lost())
        told.headers["x-request-id"] = request_id(scope)
        await told(scope, receive, send)


def _refused(status: int) -> OpenAIError:
    """What Ray's proxy itself answers with, in our words.

    Our applications take every path: where it knows none that does, it has just started, or they are gone.
    """
    match status:
        case 429:
            return overloaded(RETRY_AFTER_S)
        case 404 | 503:
            return unavailable(RETRY_AFTER_S)
        case _:
            return told_of(HTTPException(status), "")


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
        self.refused: OpenAIError | None = None
        self.begun = self._ended = self._events = self._done = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            self._events = kind.startswith("text/event-stream")
            if message["status"] >= 400 and kind.startswith("text/plain"):
                self.refused = _refused(message["status"])
            self._head = message
            return
        if self.refused:
            return
        if self._head:
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
