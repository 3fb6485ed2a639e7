"""Weights leave room for a cache."""

from collections.abc import Iterator

from policies.context import Context
from policies.planned import found_by_planner
from policies.rule import STACK, Violation, rule
from policies.seen import Seen


@rule(
    demand="Beside the weights, one request of the longest context fits into the KV cache.",
    why="vLLM finds out after it has loaded the weights onto GPUs that are paid for, and ends.",
    remedy="take a larger unit, more GPUs or fewer bits, or shorten the context",
    on=[STACK],
    whole=True,
)
def kv_cache_has_room(_: Seen, context: Context) -> Iterator[Violation]:
    """Models whose weights or longest request do not fit where they are placed."""
    yield from found_by_planner(("model-does-not-fit", "context-does-not-fit"), context)
