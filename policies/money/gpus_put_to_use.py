"""GPUs that are paid for work, or somebody says why not."""

from collections.abc import Iterator

from policies.context import Context
from policies.planned import found_by_planner
from policies.rule import STACK, Violation, rule
from policies.seen import Seen


@rule(
    demand="GPUs do more than half of what they could at the mean traffic, or a reason is written.",
    why="At a tenth of its speed a GPU makes each token ten times as dear.",
    remedy="take smaller units or share them, let replicas go to 0, or write nodes.reason on the pool",
    on=[STACK],
    whole=True,
)
def gpus_put_to_use(_: Seen, context: Context) -> Iterator[Violation]:
    """Models that keep GPUs idle for most of the time, on pools that give no reason."""
    if context.plan is None:
        return
    pools = {pool.name: pool for pool in context.plan.pools}
    excused = {model.name for model in context.plan.models if pools[model.pool].nodes.reason}
    for violation in found_by_planner(("gpus-underused",), context):
        if violation.subject not in excused:
            yield violation
