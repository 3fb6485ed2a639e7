"""Waiting for an answer no longer than was admitted, and cancelling what came too late."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, TypeVar

from .admission import Admitted
from .errors import ToldError

T = TypeVar("T")

_calls: ContextVar[list[Any]] = ContextVar("calls")


class NotedHandle:
    """A deployment's handle that notes its calls, for `in_time` to cancel.

    Ray Serve cancels those of a request whose client has gone, and no others: what nobody waits for any more
    would go on filling the KV cache.
    """

    def __init__(self, handle: Any) -> None:
        """`handle` is Ray Serve's DeploymentHandle."""
        self._handle = handle

    def options(self, **options: Any) -> "NotedHandle":
        """As the handle's own."""
        return NotedHandle(self._handle.options(**options))

    def __getattr__(self, method: str) -> "NotedHandle":
        """The handle of a method."""
        return NotedHandle(getattr(self._handle, method))

    def remote(self, *arguments: Any, **more: Any) -> Any:
        """Call a replica, as the handle does."""
        call = self._handle.remote(*arguments, **more)
        _calls.get([]).append(call)
        return call


async def in_time(answer: Callable[[], Awaitable[T]], admitted: Admitted, runs: Callable[[], bool]) -> T:
    """An answer that is waited for as long as was admitted; `runs` tells whether a replica does.

    Raises ToldError for one that is late, once its calls are cancelled.
    """
    calls: list[Any] = []
    _calls.set(calls)
    task = asyncio.ensure_future(answer())
    try:
        await _wait(task, admitted, runs)
        if task.done() and not _ended_by_ray(task):
            return task.result()
        for call in calls:
            call.cancel()
        raise ToldError(admitted.wake.late if admitted.wake and not runs() else admitted.answer.late)
    finally:
        task.cancel()
        task.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody else will look


async def _wait(task: asyncio.Future[Any], admitted: Admitted, runs: Callable[[], bool]) -> None:
    """Until it is done, or late."""
    if admitted.wake:
        await asyncio.wait({task}, timeout=admitted.wake.seconds)
        if not runs():
            return
    await asyncio.wait({task}, timeout=admitted.answer.seconds)


def _ended_by_ray(task: asyncio.Future[Any]) -> bool:
    """Whether Ray's ingress waited no longer, as it does after 600 s, and left its call where it was."""
    return getattr(task.exception(), "status_code", None) == HTTPStatus.REQUEST_TIMEOUT
