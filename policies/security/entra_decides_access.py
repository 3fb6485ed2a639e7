"""Entra says who somebody is, and Azure RBAC what they may do."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="Entra decides who gets into a cluster, and Azure RBAC what they may do there.",
    why="Access then ends with the account, asks for a second factor, and is listed in one place.",
    remedy="name access.admin_groups or access.deployer.object_id",
    on=[MANAGED_CLUSTER],
    references=[cis_aks("5.5.1"), cis_aks("5.5.2"), mcsb("IM-1"), mcsb("PA-7")],
)
def entra_decides_access(cluster: Seen, _: Context) -> Iterator[Violation]:
    """A cluster without Entra, or with rights that only the cluster knows."""
    if not cluster.get("aadProfile.managed"):
        yield Violation("aadProfile.managed", None, "leaves access to certificates of the cluster", "true")
    if not cluster.get("aadProfile.enableAzureRBAC"):
        yield Violation("aadProfile.enableAzureRBAC", None, "leaves rights to the cluster alone", "true")
    if cluster.get("enableRBAC") is False:
        yield Violation("enableRBAC", "false", "lets everybody who gets in do everything", "true")
