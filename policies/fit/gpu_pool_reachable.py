"""A GPU pool is tainted, and reached from zero nodes or kept above zero for a written reason."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import gpu_pool_reachable as planner_rule
from policies.context import Context
from policies.kinds import AGENT_POOL
from policies.planner_rules import pool_facts, violations
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A GPU node pool keeps other pods away and can be reached from zero nodes, or says why it keeps "
    "nodes.",
    why="Without the taint any pod keeps a GPU node paid for. Without the tag the cluster autoscaler does "
    "not know what an empty pool will offer, and pods wait for ever.",
    remedy="keep the taint nvidia.com/gpu and the node-template tag that are shown",
    on=[AGENT_POOL],
    references=["github.com/kubernetes/autoscaler/issues/8095", "github.com/Azure/AKS/issues/5161"],
)
def gpu_pool_reachable(pool: Seen, _: Context) -> Iterator[Violation]:
    """What keeps the right pods from a pool, or lets the wrong ones in."""
    yield from violations(planner_rule(pool_facts(pool), CATALOG))
