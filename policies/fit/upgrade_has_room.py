"""A service can be upgraded."""

from collections.abc import Iterator

from policies.context import Context
from policies.planned import found_by_planner
from policies.rule import STACK, Violation, rule
from policies.seen import Seen


@rule(
    demand="A service that keeps replicas has GPUs to stand twice while upgraded, or is not upgraded so.",
    why="KubeRay starts the new cluster beside the old one. Without room it waits for ever, and the change "
    "never arrives.",
    remedy="raise nodes.max of the pool, that of the heads or the quota, or leave upgrade to the plan: auto",
    on=[STACK],
    whole=True,
    references=["github.com/ray-project/kuberay/issues/1476", "github.com/ray-project/kuberay/issues/2274"],
)
def upgrade_has_room(_: Seen, context: Context) -> Iterator[Violation]:
    """Models whose upgrade never has room."""
    yield from found_by_planner(("upgrade-without-room",), context)
