"""Where nobody works at night, nothing is paid for at night."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from policies.context import Context
from policies.kinds import AGENT_POOL
from policies.rule import Level, Violation, rule
from policies.seen import Seen


@rule(
    demand="GPU pools go down to no node.",
    why="A GPU node that is kept costs as much at night as at noon; who tries things out can wait for one.",
    remedy="set nodes.min to 0",
    level=Level.DISABLED,
    on=[AGENT_POOL],
)
def gpu_pools_scale_to_zero(pool: Seen, _: Context) -> Iterator[Violation]:
    """GPU pools that keep nodes, or that nothing scales."""
    sku = CATALOG.skus.get(pool.props["vmSize"])
    if sku is None or sku.gpu is None:
        return
    if not pool.get("enableAutoScaling"):
        yield Violation("enableAutoScaling", None, "leaves all nodes on", "true")
    elif least := int(pool.get("minCount", 0)):
        yield Violation("minCount", str(least), "keeps GPU nodes while nobody asks", "0")
