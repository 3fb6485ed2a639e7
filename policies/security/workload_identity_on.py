"""Pods are known to Azure without a secret."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="Pods reach Azure by workload identity.",
    why="What has no secret cannot lose one, and the identity of the nodes is that of every pod.",
    remedy="enable oidcIssuerProfile and securityProfile.workloadIdentity",
    on=[MANAGED_CLUSTER],
    references=[cis_aks("5.2.1"), mcsb("IM-3")],
)
def workload_identity_on(cluster: Seen, _: Context) -> Iterator[Violation]:
    """A cluster whose pods have no identity of their own, or one that rests on a password."""
    for path in ("oidcIssuerProfile.enabled", "securityProfile.workloadIdentity.enabled"):
        if not cluster.get(path):
            yield Violation(path, None, "leaves pods without an identity of their own", "true")
    client = cluster.get("servicePrincipalProfile.clientId", "msi")
    if client != "msi":
        yield Violation(
            "servicePrincipalProfile.clientId", client, "is an account with a password", "a managed identity"
        )
