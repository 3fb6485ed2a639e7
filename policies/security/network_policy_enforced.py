"""A cluster enforces network policies at all."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A cluster enforces network policies.",
    why="Without an engine AKS takes network policies and does nothing with them.",
    remedy="set networkProfile.networkPolicy to cilium, with networkDataplane cilium",
    on=[MANAGED_CLUSTER],
    references=[cis_aks("5.4.4"), mcsb("NS-1")],
)
def network_policy_enforced(cluster: Seen, _: Context) -> Iterator[Violation]:
    """A cluster without an engine for network policies."""
    path = "networkProfile.networkPolicy"
    if cluster.get(path, "none") == "none":
        yield Violation(path, cluster.get(path), "enforces no network policy", "cilium, calico or azure")
