"""A replica ends with its engine, so that what happens then is what happens to any lost replica.

Left to themselves, vLLM tells its streams of its exception and ends them with `[DONE]`, everything else fails
as it comes, and Ray's look at the replica's health comes up to ten seconds later.
"""

import functools
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from vllm.v1.engine.exceptions import EngineDeadError

logger = logging.getLogger("ray.serve")

Method = Callable[..., Awaitable[AsyncIterator[Any]]]

BROKEN = 'data: {"error"'
"""How an event begins by which vLLM tells of an exception."""


class BrokenStreamError(Exception):
    """An exception of which vLLM told within a stream."""


def ending_with_engine(method: Method) -> Method:
    """A method of a replica whose answer is free of what vLLM tells of its own exceptions.

    Where the engine is dead, the process ends: nothing else in it could answer either.
    """

    @functools.wraps(method)
    async def answered(self: Any, *request: Any) -> AsyncIterator[Any]:
        return _unbroken(await method(self, *request), self.engine._engine_client)

    return answered


async def _unbroken(answer: AsyncIterator[Any], client: Any) -> AsyncIterator[Any]:
    try:
        async for part in answer:
            if isinstance(part, list) and any(str(event).startswith(BROKEN) for event in part):
                _end_if_dead(client)
                raise BrokenStreamError(part)
            yield part
    except EngineDeadError:
        _end_if_dead(client)
        raise


def _end_if_dead(client: Any) -> None:
    if client.errored:
        logger.error("The engine is dead, and this replica ends with it")
        os._exit(1)
