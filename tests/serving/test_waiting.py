import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.admission import Admitted, Wait
from serving.errors import ToldError, starting, unavailable
from serving.waiting import NotedHandle, in_time

SOON, LONG = 0.05, 30.0
Answer = Callable[[], Awaitable[str]]


class Call:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Handle:
    """As much of a deployment's handle as is passed on to it."""

    def __init__(self, calls: list[Call], **options: Any) -> None:
        self.calls, self.given = calls, options

    def options(self, **options: Any) -> "Handle":
        return Handle(self.calls, **self.given, **options)

    def __getattr__(self, method: str) -> "Handle":
        return Handle(self.calls, **self.given, method=method)

    def remote(self, body: str) -> Call:
        assert (self.given, body) == ({"stream": True, "method": "chat"}, "Hello")
        self.calls.append(Call())
        return self.calls[-1]


def admitted(answer_s: float, wake_s: float | None = None) -> Admitted:
    wake = None if wake_s is None else Wait(seconds=wake_s, late=starting(7))
    return Admitted(blocks=1, answer=Wait(seconds=answer_s, late=unavailable(5)), wake=wake)


def after(seconds: float) -> Answer:
    async def answer() -> str:
        await asyncio.sleep(seconds)
        return "answer"

    return answer


def told(answer: Answer, let_in: Admitted, *, runs: bool) -> str:
    with pytest.raises(ToldError) as raised:
        asyncio.run(in_time(answer, let_in, lambda: runs))
    return raised.value.told.error.code


def test_an_answer_in_time_is_passed_on() -> None:
    assert asyncio.run(in_time(after(0), admitted(LONG), lambda: True)) == "answer"


def test_an_answer_that_fails_in_time_fails() -> None:
    async def answer() -> str:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        asyncio.run(in_time(answer, admitted(LONG), lambda: True))


def test_a_running_model_that_does_not_answer_is_waited_for_no_longer() -> None:
    assert told(after(LONG), admitted(SOON), runs=True) == "model_unavailable"


def test_a_model_that_has_lost_its_replicas_meanwhile_is_waited_for_no_longer() -> None:
    assert told(after(LONG), admitted(SOON), runs=False) == "model_unavailable"


def test_a_model_that_does_not_wake_is_waited_for_no_longer() -> None:
    assert told(after(LONG), admitted(LONG, wake_s=SOON), runs=False) == "model_starting"


def test_a_model_that_has_woken_has_its_time_to_answer() -> None:
    let_in = admitted(LONG, wake_s=SOON)
    assert asyncio.run(in_time(after(4 * SOON), let_in, lambda: True)) == "answer"
    assert told(after(LONG), admitted(SOON, wake_s=SOON), runs=True) == "model_unavailable"


def test_where_ray_waits_no_longer_the_client_is_told_the_same() -> None:
    class RayTimeoutError(Exception):
        status_code = 408

    async def answer() -> str:
        raise RayTimeoutError

    assert told(answer, admitted(LONG, wake_s=LONG), runs=False) == "model_starting"
    assert told(answer, admitted(LONG), runs=True) == "model_unavailable"


def test_the_calls_of_a_late_answer_are_cancelled_and_no_others() -> None:
    late: list[Call] = []
    other: list[Call] = []

    def calling(calls: list[Call], seconds: float) -> Answer:
        handle = NotedHandle(Handle(calls))

        async def answer() -> str:
            handle.options(stream=True).chat.remote("Hello")
            return await after(seconds)()

        return answer

    async def both() -> None:
        first = asyncio.ensure_future(in_time(calling(late, LONG), admitted(SOON), lambda: True))
        second = in_time(calling(other, 2 * SOON), admitted(LONG), lambda: True)
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(both())
    assert ([call.cancelled for call in late], [call.cancelled for call in other]) == ([True], [False])


def test_who_waits_no_longer_ends_the_waiting() -> None:
    ended: list[str] = []

    async def answer() -> str:
        try:
            return await after(LONG)()
        finally:
            ended.append("answer")

    async def client() -> None:
        waiting = asyncio.ensure_future(in_time(answer, admitted(LONG), lambda: True))
        await asyncio.sleep(SOON)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0)

    asyncio.run(client())
    assert ended == ["answer"]
