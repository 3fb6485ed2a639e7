"""Layers around an ASGI application: a limit to what is read, and errors in OpenAI's form."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastapi import FastAPI
from ray.exceptions import TaskCancelledError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import body_too_large
from .failures import response, told_of

_ENDING = "serving.ending"
"""Where a request's scope keeps what is done when it has ended."""

DONE = b"data: [DONE]\n\n"
"""How a stream ends that is whole."""


class LimitedApp:
    """An application that reads at most so many bytes of a body, and parses none that is longer.

    Not a FastAPI: into one of those, Ray Serve would put its own plain-text answers for a full queue.
    """

    def __init__(self, app: FastAPI, max_body_bytes: int) -> None:
        """`app` is the application behind the limit."""
        self._app = app
        self._limit = max_body_bytes

    @property
    def routes(self) -> list[Any]:
        """By which Ray Serve labels its metrics."""
        return self._app.routes

    @property
    def router(self) -> Any:
        """As `routes`."""
        return self._app.router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse by its size a body that states one, and any other as soon as more than the limit came."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        size, read = (int(declared), deque()) if declared.isdecimal() else await self._read(receive)
        if size > self._limit:
            told = body_too_large(body_bytes=size, limit_bytes=self._limit)
            await response(told)(scope, receive, send)
            return

        async def from_the_start() -> Message:
            return read.popleft() if read else await receive()

        await self._app(scope, from_the_start, send)

    async def _read(self, receive: Receive) -> tuple[int, deque[Message]]:
        """A body to its end, or until it is too long: its size so far and its messages."""
        size, read, more = 0, deque[Message](), True
        while more and size <= self._limit:
            read.append(await receive())
            size += len(read[-1].get("body", b""))
            more = read[-1].get("more_body", False)
        return size, read


class ErrorsInOpenAiForm:
    """Answers for whatever an endpoint raises, also where a stream has begun, and ends what it began."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what lies within."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell the client what became of it."""
        started = whole = False
        ending: ExitStack = scope.setdefault(_ENDING, ExitStack())

        async def noted(message: Message) -> None:
            nonlocal started, whole
            started = started or message["type"] == "http.response.start"
            whole = message.get("body", b"").endswith(DONE)
            await send(message)

        try:
            with ending:
                await self._app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the last place where a client can be told of one
            failure = _single(error)
            if isinstance(failure, TaskCancelledError):
                return  # the client has gone
            told = told_of(failure, request_id(scope))
            if started:
                event = b"" if whole else told.event().encode()
                await send({"type": "http.response.body", "body": event, "more_body": False})
            else:
                await response(told)(scope, receive, send)


def at_the_end(request: Request, act: Callable[[], None]) -> None:
    """Do something when the answer to a request has been sent, has failed, or has lost its client."""
    request.scope[_ENDING].callback(act)


def _single(error: Exception) -> Exception:
    """The one exception in a group of one, as Starlette's tasks raise it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def answered(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in an exception for which Starlette wants a handler."""
    return response(told_of(error, request_id(request.scope)))


def request_id(scope: Scope) -> str:
    """The id that Ray Serve has given a request, or its client."""
    return Headers(scope=scope).get("x-request-id", "")
