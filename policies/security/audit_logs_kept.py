"""Who did what is written down where they cannot erase it."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import (
    DIAGNOSTIC_SETTING,
    MANAGED_CLUSTER,
    REGISTRY,
    STORAGE_ACCOUNT,
    VAULT,
    cis_aks,
    mcsb,
)
from policies.rule import Violation, rule
from policies.seen import Seen, maps

WANTED = {
    MANAGED_CLUSTER: ("kube-audit", "kube-audit-admin"),
    REGISTRY: ("ContainerRegistryLoginEvents",),
    STORAGE_ACCOUNT: ("StorageRead",),
    VAULT: ("AuditEvent",),
}
"""Logs of which one is enough; a group of categories that has them will do too."""
GROUPS = ("audit", "allLogs")


@rule(
    demand="Clusters, registries, storage accounts and vaults send their audit log to a workspace.",
    why="Without it nobody can say afterwards who came in, what they read, and what they changed.",
    remedy="add a diagnostic setting for the resource, with its audit log",
    on=list(WANTED),
    whole=True,
    references=[cis_aks("2.1.1"), mcsb("LT-3"), mcsb("LT-5")],
)
def audit_logs_kept(audited: Seen, context: Context) -> Iterator[Violation]:
    """Resources of which no diagnostic setting keeps the audit log."""
    wanted = WANTED[audited.type]
    # The id of what is new is not known in a preview; what a property is made from is.
    mine = [each for each in context.of_type(DIAGNOSTIC_SETTING) if _is_about(each, audited)]
    if not any(_keeps(each, wanted) for each in mine):
        logs = " or ".join(wanted)
        what = "is sent nowhere" if not mine else "is in none of its diagnostic settings"
        yield Violation(
            f"logs[{logs}]", None, f"{what}: who did what is not known afterwards", f"{logs}, enabled"
        )


def _is_about(setting: Seen, audited: Seen) -> bool:
    if setting.depends_on.get("resourceUri"):
        return audited.urn in setting.depends_on["resourceUri"]
    # An account logs nothing itself; its blob service does.
    about = str(setting.get("resourceUri", "")).removesuffix("/blobServices/default")
    return bool(audited.has("id")) and about == audited.get("id")


def _keeps(setting: Seen, wanted: tuple[str, ...]) -> bool:
    enabled = [log for log in maps(setting.get("logs")) if log.get("enabled")]
    # What a preview does not know of one log says nothing about another: the names first, then the groups.
    return any(log.get("category") in wanted for log in enabled) or any(
        log.get("categoryGroup") in GROUPS for log in enabled
    )
