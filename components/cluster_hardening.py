"""What closes an AKS cluster beyond its network: policy, secrets, threat detection, and when nodes renew.

Each value stands in `policies/baseline.py` beside that of the published baselines.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi
from pulumi_azure_native import containerservice

SECRETS_PROVIDER = "azureKeyvaultSecretsProvider"
"""AKS's name of the add-on that mounts secrets of a Key Vault."""

CRITICAL_ONLY = "CriticalAddonsOnly=true:NoSchedule"
"""The taint of a system pool that takes the pods of AKS and of operators alone."""

_CLEANING_INTERVAL_HOURS = 120


class WindowArgs(TypedDict):
    """When AKS may renew nodes, once a week."""

    day: str
    """Required. Day of the week, such as Sunday."""
    start: str
    """Required. Hour and minute, HH:MM, in UTC."""
    hours: int
    """Required. How long it is open, 4 to 24 hours."""


def addons() -> Mapping[str, Any]:
    """Add-ons of AKS: Azure Policy looks at what runs, and secrets of a vault reach pods and are renewed."""
    return {
        "azurepolicy": {"enabled": True, "config": {"version": "v2"}},
        SECRETS_PROVIDER: {
            "enabled": True,
            "config": {"enableSecretRotation": "true", "rotationPollInterval": "2m"},
        },
    }


def security(workspace_id: pulumi.Input[str], *, defender: bool) -> Any:
    """Workload identity, the image cleaner, and Defender where it is paid for."""
    watched: Any = {
        "log_analytics_workspace_resource_id": workspace_id,
        "security_monitoring": {"enabled": True},
    }
    return {
        "workload_identity": {"enabled": True},
        "image_cleaner": {"enabled": True, "interval_hours": _CLEANING_INTERVAL_HOURS},
        **({"defender": watched} if defender else {}),
    }


def storage() -> Any:
    """No driver of AKS's for volumes: models are read over HTTPS, and nothing here asks for a disk."""
    off: Any = {"enabled": False}
    return {
        "blob_csi_driver": off,
        "disk_csi_driver": off,
        "file_csi_driver": off,
        "snapshot_controller": off,
    }


def maintenance(
    name: str,
    window: WindowArgs,
    kinds: Sequence[str],
    *,
    resource_group_name: pulumi.Input[str],
    cluster_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Hold AKS to a window: `kinds` are the names of its schedules, each a resource of its own."""
    schedule: Any = {"weekly": {"day_of_week": window["day"], "interval_weeks": 1}}
    for kind in kinds:
        containerservice.MaintenanceConfiguration(
            f"{name}-{kind}",
            config_name=kind,
            resource_group_name=resource_group_name,
            resource_name_=cluster_name,
            maintenance_window={
                "schedule": schedule,
                "start_time": window["start"],
                "duration_hours": window["hours"],
                "utc_offset": "+00:00",
            },
            opts=opts,
        )


def schedules(*, upgrade_channel: str, node_os_channel: str) -> list[str]:
    """The schedules that have something to hold: AKS keeps one for versions and one for images of nodes."""
    held = {
        "aksManagedAutoUpgradeSchedule": upgrade_channel != "none",
        "aksManagedNodeOSUpgradeSchedule": node_os_channel in ("SecurityPatch", "NodeImage"),
    }
    return [name for name, wanted in held.items() if wanted]
