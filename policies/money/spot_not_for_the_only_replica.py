"""What must answer does not stand on nodes that Azure may take away."""

from collections.abc import Iterator

from inference_stack.planner.node_template import POOL_LABEL
from policies.context import Context
from policies.kinds import AGENT_POOL, RAY_SERVICE
from policies.pods import worker_groups
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A service that keeps replicas, or has only one, does not have it on Spot nodes.",
    why="Azure takes Spot nodes away with half a minute's notice, and the next one may be hours away.",
    remedy="place the service on a Regular pool, or let it have more replicas and none that must be there",
    on=[RAY_SERVICE],
    whole=True,
    references=["learn.microsoft.com/azure/aks/spot-node-pool"],
)
def spot_not_for_the_only_replica(service: Seen, context: Context) -> Iterator[Violation]:
    """Worker groups on Spot pools that keep workers or have one at most."""
    spot = {
        pool.get("nodeLabels", {}).get(POOL_LABEL)
        for pool in context.of_type(AGENT_POOL)
        if pool.get("scaleSetPriority") == "Spot"
    }
    for path, group in worker_groups(service):
        selector = ((group.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
        least, most = int(group.get("minReplicas") or 0), int(group.get("maxReplicas") or 0)
        if selector.get(POOL_LABEL) in spot - {None} and (least > 0 or most == 1):
            bounds, pool = f"{least} to {most}", selector[POOL_LABEL]
            yield Violation(
                f"{path}.minReplicas", bounds, f"stand on Spot nodes of pool {pool}", "a Regular pool"
            )
