"""What closes an AKS cluster: local accounts, add-ons, Defender, image cleaner, windows of maintenance."""

import re

from localcloud.arm import wire
from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put, group_name, guid
from localcloud.arm.store import Store
from localcloud.arm.wire import Properties

MAINTENANCE = "azure-native:containerservice:MaintenanceConfiguration"

_WEEKLY = "default"
_UPGRADES = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")
_WINDOW_HOURS = range(4, 25)
_CLEANING_HOURS = range(24, 2161)


def addons(put: Put, body: Properties, group: str) -> Properties:
    """The add-ons as a GET shows them: AKS makes an identity for each that is on, beside the nodes."""
    shown: Properties = {}
    for name, addon in (body.get("addonProfiles") or {}).items():
        own: Properties = {}
        if addon.get("enabled"):
            subscription = put.id.split("/")[2]
            identity = (
                f"/subscriptions/{subscription}/resourcegroups/{group}"
                f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name.lower()}-{put.name}"
            )
            own["identity"] = {
                "clientId": guid(identity, "client"),
                "objectId": guid(identity, "principal"),
                "resourceId": identity,
            }
        shown[name] = {**addon, **own}
    return shown


def refuse(put: Put, shown: Properties) -> None:
    """Raise ARM's error for a cluster that would shut everybody out, or whose guards lack what they need."""
    if shown.get("disableLocalAccounts") and not wire.get(shown, "aadProfile.managed"):
        raise refusal("LocalAccountsNeedEntra")
    cleaner = wire.get(shown, "securityProfile.imageCleaner") or {}
    if cleaner.get("enabled") and cleaner.get("intervalHours", _CLEANING_HOURS[0]) not in _CLEANING_HOURS:
        raise refusal("ImageCleanerInterval", hours=cleaner["intervalHours"])
    defender = wire.get(shown, "securityProfile.defender") or {}
    if wire.get(defender, "securityMonitoring.enabled"):
        _refuse_workspace(put.store, put.id, defender.get("logAnalyticsWorkspaceResourceId"))
    monitoring = wire.get(shown, "addonProfiles.omsagent") or {}
    if monitoring.get("enabled"):
        config = monitoring.get("config") or {}
        _refuse_workspace(put.store, put.id, config.get("logAnalyticsWorkspaceResourceID"))


def _refuse_workspace(store: Store, cluster_id: str, workspace: str | None) -> None:
    if not workspace:
        raise refusal("WorkspaceMissing")
    if store.get(workspace) is None:
        name, group = workspace.rpartition("/")[2], group_name(workspace)
        raise refusal("WorkspaceNotFound", name=name, group=group, cluster=cluster_id)


def refuse_maintenance(put: Put, shown: Properties) -> None:
    """Raise ARM's error for a schedule that AKS does not have, or a window that it does not take."""
    if put.name == _WEEKLY:
        if "maintenanceWindow" in shown:
            raise refusal("MaintenanceInvalid", name=put.name, what="it takes timeInWeek alone")
        return
    if put.name not in _UPGRADES:
        raise refusal("MaintenanceNameInvalid", name=put.name, allowed=", ".join((_WEEKLY, *_UPGRADES)))
    window = shown.get("maintenanceWindow")
    if not window:
        raise refusal("MaintenanceInvalid", name=put.name, what="it needs maintenanceWindow")
    schedules = [kind for kind, value in (window.get("schedule") or {}).items() if value]
    wrong = {
        "exactly one schedule is needed": len(schedules) != 1,
        "startTime must be HH:MM": not _TIME.fullmatch(str(window.get("startTime"))),
        "utcOffset must be +HH:MM or -HH:MM": not _OFFSET.fullmatch(str(window.get("utcOffset", "+00:00"))),
        "durationHours must be between 4 and 24": window.get("durationHours", 24) not in _WINDOW_HOURS,
    }
    for what, holds in wrong.items():
        if holds:
            raise refusal("MaintenanceInvalid", name=put.name, what=what)
