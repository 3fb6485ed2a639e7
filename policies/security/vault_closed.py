"""Secrets lie behind Azure RBAC and a network, and are not lost in a moment."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import VAULT, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A vault is reached from listed networks, by Azure RBAC, and keeps what was deleted.",
    why="An access policy of a vault is seen by nobody who reviews Azure's roles; a purge cannot be undone.",
    remedy="close the network of the vault, enable RBAC, soft delete and purge protection",
    on=[VAULT],
    references=[mcsb("NS-2"), mcsb("DP-8"), mcsb("PA-7")],
)
def vault_closed(vault: Seen, _: Context) -> Iterator[Violation]:
    """Whatever lets somebody in from anywhere, past Azure's roles, or lets secrets vanish."""
    open_network = str(vault.get("properties.publicNetworkAccess", "")).lower() != "disabled"
    if open_network and vault.get("properties.networkAcls.defaultAction") != "Deny":
        yield Violation(
            "properties.publicNetworkAccess",
            vault.get("properties.publicNetworkAccess"),
            "lets every address reach the vault",
            "disabled, or networkAcls.defaultAction: Deny",
        )
    if not vault.get("properties.enableRbacAuthorization"):
        yield Violation(
            "properties.enableRbacAuthorization", None, "leaves access to the vault's own list", "true"
        )
    if vault.get("properties.enableSoftDelete") is False:
        yield Violation("properties.enableSoftDelete", "false", "loses what is deleted", "true")
    if not vault.get("properties.enablePurgeProtection"):
        yield Violation("properties.enablePurgeProtection", None, "lets what was deleted be purged", "true")
