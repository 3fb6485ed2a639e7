"""The call that keeps a model waking, without Ray's parts around it."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from serving.replicas import Knock

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


class Call:
    def __init__(self, outcome: asyncio.Future[None]) -> None:
        self.outcome = outcome
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, None]:
        return self.outcome.__await__()

    def cancel(self) -> None:
        self.cancelled = True


class Model:
    """As much of a deployment's handle as is called."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @property
    def check_health(self) -> "Model":
        return self

    def remote(self) -> Call:
        self.calls.append(Call(asyncio.get_running_loop().create_future()))
        return self.calls[-1]


async def _turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_however_many_are_sent_away_one_call_waits() -> None:
    async def knocked() -> list[Call]:
        model = Model()
        knock = Knock(model)
        for _ in range(100):
            knock.again()
            await _turn()
        return model.calls

    assert len(asyncio.run(knocked())) == 1


@pytest.mark.parametrize("failure", [None, RuntimeError("the replica failed to start")])
def test_after_a_call_has_ended_whoever_is_sent_away_makes_another(failure: Exception | None) -> None:
    async def knocked() -> list[Call]:
        model = Model()
        knock = Knock(model)
        knock.again()
        await _turn()
        if failure:
            model.calls[0].outcome.set_exception(failure)
        else:
            model.calls[0].outcome.set_result(None)
        await _turn()
        knock.again()
        await _turn()
        return model.calls

    assert len(asyncio.run(knocked())) == 2


def test_a_call_is_renewed_before_it_ends_so_that_one_always_waits() -> None:
    async def knocked() -> list[bool]:
        model = Model()
        now_s = 1000.0
        knock = Knock(model, clock=lambda: now_s)
        knock.again()
        await _turn()
        now_s += 60
        knock.again()
        await _turn()
        return [call.cancelled for call in model.calls]

    assert asyncio.run(knocked()) == [True, False]
