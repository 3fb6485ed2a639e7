"""No certificate opens a cluster past Entra."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A cluster has no local accounts.",
    why="The admin certificate of a cluster is never revoked, names nobody, and passes by Entra.",
    remedy="set disableLocalAccounts on the cluster",
    on=[MANAGED_CLUSTER],
    references=["AKS baseline: disableLocalAccounts true", mcsb("IM-1")],
)
def local_accounts_off(cluster: Seen, _: Context) -> Iterator[Violation]:
    """A cluster whose admin certificate works."""
    if not cluster.get("disableLocalAccounts"):
        yield Violation("disableLocalAccounts", None, "leaves the admin certificate in force", "true")
