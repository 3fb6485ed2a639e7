"""Somebody has said what it may cost, and it costs no more."""

from collections.abc import Iterator

from policies.context import Context
from policies.planned import found_by_planner
from policies.rule import STACK, Violation, rule
from policies.seen import Seen


@rule(
    demand="An environment has a budget an hour, and all its nodes at peak keep within it.",
    why="An autoscaler spends whatever its bounds allow, and the bill comes at the end of the month.",
    remedy="set budget.usd_per_hour, and keep the pools within it",
    on=[STACK],
    whole=True,
    references=["Azure Well-Architected Framework: CO:04 spending guardrails"],
)
def budget_kept(_: Seen, context: Context) -> Iterator[Violation]:
    """A budget that is not there, or less than the nodes at peak."""
    yield from found_by_planner(("over-budget", "price-unknown"), context)
    if context.plan and context.plan.environment.budget is None:
        peak = context.plan.price.peak_usd_per_hour
        yield Violation(
            "budget", None, f"is not said; all nodes at peak cost {peak:.2f} USD an hour", "usd_per_hour"
        )
