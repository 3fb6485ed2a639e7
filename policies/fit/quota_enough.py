"""Azure grants what the pools may grow to."""

from collections import defaultdict
from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.spec import family
from policies.context import Context
from policies.kinds import AGENT_POOL
from policies.planned import found_by_planner
from policies.rule import STACK, Violation, rule
from policies.seen import Seen

SPOT = family("lowPriorityCores")


@rule(
    demand="The quota of the subscription holds every node that models need at peak, while upgrading too.",
    why="A node above the quota is refused on the busiest day, when it is needed most.",
    remedy="ask Azure for more vCPUs of the family, or let the pools grow less",
    on=[STACK],
    whole=True,
    references=["learn.microsoft.com/azure/quotas/per-vm-quota-requests"],
)
def quota_enough(_: Seen, context: Context) -> Iterator[Violation]:
    """Families whose quota is too small for the plan, or for a single node of a pool that is registered."""
    yield from found_by_planner(("quota-exceeded", "quota-short-while-upgrading"), context)
    granted = _granted(context)
    least: defaultdict[str, int] = defaultdict(int)
    for pool in context.of_type(AGENT_POOL):
        sku = CATALOG.skus.get(str(pool.get("vmSize")))
        if sku and int(pool.get("maxCount", 0)):
            spot = pool.get("scaleSetPriority") == "Spot"
            least[SPOT if spot else family(sku.quota_family)] += sku.vcpu * max(
                1, int(pool.get("minCount", 0))
            )
    for name, vcpus in least.items():
        if vcpus > granted.get(name, vcpus):
            what = f"grants less than one node of each pool takes, and those that are kept: {vcpus} vCPUs"
            yield Violation(f"quota.{name}", str(granted[name]), what, f"at least {vcpus}", subject=name)


def _granted(context: Context) -> dict[str, int]:
    asked = vars(context.environment).get("quota") if context.environment else None
    return {family(name): vcpus for name, vcpus in (asked or {}).items()}
