import asyncio
from collections.abc import Awaitable, Callable

import pytest
from ray.exceptions import RayActorError

from serving.failures import twice

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def attempts(*outcomes: Exception | str) -> Callable[[], Awaitable[str]]:
    left = list(outcomes)

    async def attempt() -> str:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


def test_what_a_lost_replica_had_not_begun_to_answer_is_tried_once_more() -> None:
    assert asyncio.run(twice(attempts(RayActorError(), "answer"))) == "answer"


def test_a_second_loss_is_told() -> None:
    with pytest.raises(RayActorError):
        asyncio.run(twice(attempts(RayActorError(), RayActorError(), "too late")))


def test_any_other_failure_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="wrong"):
        asyncio.run(twice(attempts(ValueError("wrong"), "never")))
