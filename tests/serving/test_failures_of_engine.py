"""What a replica makes of an exception of which vLLM tells within a stream."""

import asyncio
import os
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.v1.engine.exceptions import EngineDeadError

from serving.engine_death import BrokenStreamError, ending_with_engine

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WORD = ['data: {"id":"1","choices":[{"delta":{"content":"one"}}]}\n\n']
TOLD = [
    'data: {"error": {"message": "EngineCore encountered an issue.", "code": 500}}\n\n',
    "data: [DONE]\n\n",
]


def answer_of(parts: list[Any], *, dead: bool) -> list[Any]:
    async def chat(_self: Any, _request: str) -> AsyncIterator[Any]:
        async def written() -> AsyncIterator[Any]:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part

        return written()

    async def asked() -> list[Any]:
        replica = SimpleNamespace(engine=SimpleNamespace(_engine_client=SimpleNamespace(errored=dead)))
        return [part async for part in await ending_with_engine(chat)(replica, "Hello")]

    return asyncio.run(asked())


def ended_with(parts: list[Any], *, dead: bool) -> int:
    """The exit status of a process that answers so."""
    child = os.fork()
    if not child:
        try:
            answer_of(parts, dead=dead)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_an_answer_goes_through_as_it_is() -> None:
    assert answer_of([WORD, ["data: [DONE]\n\n"]], dead=False) == [WORD, ["data: [DONE]\n\n"]]


def test_what_a_living_engine_tells_of_an_exception_is_an_exception_again() -> None:
    with pytest.raises(BrokenStreamError):
        answer_of([WORD, TOLD], dead=False)


@pytest.mark.parametrize("last", [TOLD, EngineDeadError()], ids=["told", "raised"])
def test_the_process_ends_with_its_engine_and_with_nothing_else(last: Any) -> None:
    assert ended_with([WORD, last], dead=True) == 1
    assert ended_with([WORD, last], dead=False) == 0
