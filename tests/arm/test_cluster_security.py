from typing import Any

import pytest

from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, Engine, Inputs, Made, RefusedError

MAINTENANCE = "azure-native:containerservice:MaintenanceConfiguration"
WORKSPACE = "azure-native:operationalinsights:Workspace"
SECRETS = "azureKeyvaultSecretsProvider"
NODES = "aksManagedNodeOSUpgradeSchedule"
ELSEWHERE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/gone"


def cleaner(hours: int) -> Inputs:
    return {"securityProfile": {"imageCleaner": {"enabled": True, "intervalHours": hours}}}


def defender(workspace: str | None) -> Inputs:
    return {
        "securityProfile": {
            "defender": {
                "securityMonitoring": {"enabled": True},
                "logAnalyticsWorkspaceResourceId": workspace,
            }
        }
    }


@pytest.fixture
def workspace(engine: Engine, group: Made) -> str:
    return engine.create(WORKSPACE, "logs", {"resourceGroupName": group.name, "workspaceName": "the-logs"}).id


@pytest.mark.parametrize(
    ("refused", "taken", "text"),
    [
        (
            {"disableLocalAccounts": True},
            {"disableLocalAccounts": True, "aadProfile": {"managed": True}},
            "disableLocalAccounts can only be set on Azure AD integration enabled cluster",
        ),
        (cleaner(12), cleaner(24), r"intervalHours is invalid.*12 is not between 24 and 2160"),
        (cleaner(2161), cleaner(2160), "2161 is not between"),
    ],
)
def test_aks_refuses_a_cluster_that_shuts_everybody_out_or_cleans_too_seldom(
    engine: Engine, group: Made, refused: Inputs, taken: Inputs, text: str
) -> None:
    with pytest.raises(RefusedError, match=text):
        engine.create(CLUSTER, group.name, {**CLUSTER_INPUTS, **refused})
    assert engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, **taken})


def test_defender_needs_a_workspace_that_is_there(engine: Engine, workspace: str) -> None:
    for missing, text in ((None, "workspace must be provided"), (ELSEWHERE, "workspaces/gone.*not found")):
        with pytest.raises(RefusedError, match=text):
            engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, **defender(missing)})
    assert engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, **defender(workspace)})


def test_an_add_on_that_is_on_has_an_identity_of_its_own(engine: Engine, cluster: Made) -> None:
    asked: Any = {SECRETS: {"enabled": True, "config": {}}, "azurepolicy": {"enabled": False}}
    shown = engine.update(cluster, {"addonProfiles": asked}).outputs["addonProfiles"]
    assert f"/userAssignedIdentities/{SECRETS.lower()}-aks" in shown[SECRETS]["identity"]["resourceId"]
    assert "identity" not in shown["azurepolicy"]


def window(**changed: Any) -> Inputs:
    weekly = {"weekly": {"dayOfWeek": "Sunday", "intervalWeeks": 1}}
    return {
        "maintenanceWindow": {"schedule": weekly, "startTime": "01:00", "durationHours": 4, **changed},
    }


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("nightly", window(), "'nightly' is none of default, aksManagedAutoUpgradeSchedule"),
        ("default", window(), "default: it takes timeInWeek alone"),
        (NODES, {"timeInWeek": [{"day": "Sunday", "hourSlots": [1]}]}, "needs maintenanceWindow"),
        (NODES, window(durationHours=3), "durationHours must be between 4 and 24"),
        (NODES, window(startTime="1 am"), "startTime must be HH:MM"),
        (NODES, window(utcOffset="CET"), "utcOffset must be"),
        (NODES, window(schedule={}), "exactly one schedule"),
    ],
)
def test_aks_refuses_a_schedule_that_it_does_not_have_or_a_window_that_it_does_not_take(
    engine: Engine, cluster: Made, name: str, body: Inputs, text: str
) -> None:
    path = {"resourceGroupName": "rg", "resourceName": cluster.name}
    with pytest.raises(RefusedError, match=text):
        engine.create(MAINTENANCE, "schedule", {**path, "configName": name, **body})
    assert engine.create(MAINTENANCE, "schedule", {**path, "configName": NODES, **window()})
