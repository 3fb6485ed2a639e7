import uuid

import pytest

from localcloud.arm.wire import UNKNOWN, decode
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, GROUP, POOL, Engine, Inputs, Made

STORAGE = "azure-native:storage:StorageAccount"
SUBNET = "azure-native:network:Subnet"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
SECRET_SIGNATURE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"vmSzie": "x"}, "vmSzie", "is no property here; allowed:"),
        ({"gpuProfile": {"drvier": "None"}}, "gpuProfile.drvier", "allowed: driver"),
        ({"count": "3"}, "count", "should be an integer but is a string"),
        ({"count": 1.5}, "count", "should be an integer but is a number"),
        ({"count": True}, "count", "should be an integer but is a boolean"),
        ({"enableAutoScaling": "yes"}, "enableAutoScaling", "should be a boolean"),
        ({"enableAutoScaling": 1}, "enableAutoScaling", "should be a boolean"),
        ({"vmSize": 3}, "vmSize", "should be a string but is a number"),
        ({"nodeTaints": "a=b:NoSchedule"}, "nodeTaints", "should be a list but is a string"),
        ({"nodeTaints": [1]}, "nodeTaints[0]", "should be a string"),
        ({"nodeLabels": ["a"]}, "nodeLabels", "should be a map but is a list"),
        ({"nodeLabels": {"a": 1}}, "nodeLabels.a", "should be a string"),
        ({"gpuProfile": "Install"}, "gpuProfile", "should be an object"),
        ({"gpuInstanceProfile": "MIG5g"}, "gpuInstanceProfile", "allowed: MIG1g, MIG2g, MIG3g, MIG4g, MIG7g"),
        ({"gpuProfile": {"driver": "Maybe"}}, "gpuProfile.driver", "allowed: Install, None"),
        ({"mode": "Gpu"}, "mode", "allowed: System, User"),
    ],
)
def test_an_argument_that_the_sdk_has_not_fails_by_its_path(
    engine: Engine, changes: Inputs, path: str, reason: str
) -> None:
    found = engine.failures(POOL, {**GPU_POOL, **changes})

    assert list(found) == [path]
    assert reason in found[path]


def test_right_arguments_pass(engine: Engine) -> None:
    assert engine.failures(POOL, GPU_POOL) == {}
    assert engine.failures(CLUSTER, CLUSTER_INPUTS) == {}
    assert engine.failures(POOL, {**GPU_POOL, "spotMaxPrice": 1.25, "mode": "user"}) == {}


def test_all_failures_are_told_at_once(engine: Engine) -> None:
    wrong = {"resourceName": "aks", "vmSzie": "x", "count": "3", "gpuProfile": {"driver": "Maybe"}}

    assert set(engine.failures(POOL, wrong)) == {"resourceGroupName", "vmSzie", "count", "gpuProfile.driver"}


def test_a_missing_argument_inside_an_object_is_told(engine: Engine) -> None:
    found = engine.failures(STORAGE, {"resourceGroupName": "rg", "kind": "StorageV2", "sku": {}})

    assert found == {"sku.name": "missing required property 'sku.name'"}


def test_unknown_values_pass_wherever_they_stand(engine: Engine) -> None:
    inputs = {
        **GPU_POOL,
        "resourceName": UNKNOWN,
        "count": UNKNOWN,
        "gpuProfile": {"driver": UNKNOWN},
        "nodeTaints": [UNKNOWN],
        "nodeLabels": UNKNOWN,
    }

    assert engine.checked(POOL, "h100", inputs).items() >= inputs.items()


def test_a_secret_is_checked_by_its_value(engine: Engine) -> None:
    right = {**GPU_POOL, "vmSize": {**SECRET_SIGNATURE, "value": "Standard_NC40ads_H100_v5"}}
    wrong = {**GPU_POOL, "vmSize": {**SECRET_SIGNATURE, "value": 3}}

    assert engine.failures(POOL, right) == {}
    assert list(engine.failures(POOL, wrong)) == ["vmSize"]


def test_a_pool_takes_its_logical_name_as_it_is(engine: Engine) -> None:
    inputs = {name: value for name, value in GPU_POOL.items() if name != "agentPoolName"}

    checked = engine.checked(POOL, "gpu", inputs)

    assert checked["agentPoolName"] == "gpu"
    assert "__createBeforeDelete" not in checked


def test_a_cluster_takes_its_logical_name_and_eight_random_digits(engine: Engine) -> None:
    checked = engine.checked(CLUSTER, "aks", {"resourceGroupName": "rg"})

    assert checked["resourceName"].startswith("aks")
    assert len(checked["resourceName"]) == len("aks") + 8
    assert checked["__createBeforeDelete"] is True


def test_a_role_assignment_takes_a_guid(engine: Engine) -> None:
    inputs = {"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r"}

    assert uuid.UUID(engine.checked(ASSIGNMENT, "reader", inputs)["roleAssignmentName"])


def test_a_random_name_stays_once_given(engine: Engine) -> None:
    old = {"resourceGroupName": "rg", "resourceName": "aks12345678", "__createBeforeDelete": True}

    checked = engine.checked(CLUSTER, "aks", {"resourceGroupName": "rg"}, old)

    assert (checked["resourceName"], checked["__createBeforeDelete"]) == ("aks12345678", True)


def test_the_engines_own_naming_is_followed(engine: Engine) -> None:
    proposed = {"proposed_name": "aks-prod", "mode": "ENFORCE"}
    checked = decode(engine.check(CLUSTER, "aks", {"resourceGroupName": "rg"}, autonaming=proposed).inputs)
    disabled = engine.check(CLUSTER, "aks", {"resourceGroupName": "rg"}, autonaming={"mode": "DISABLE"})

    assert checked["resourceName"] == "aks-prod"
    assert "resourceName" not in decode(disabled.inputs)


def test_location_is_the_programs_or_the_configured_one(engine: Engine) -> None:
    inputs = {"resourceGroupName": "rg"}

    assert engine.checked(CLUSTER, "aks", inputs)["location"] == "westeurope"
    assert engine.checked(CLUSTER, "aks", {**inputs, "location": "uksouth"})["location"] == "uksouth"


def test_location_without_configuration_is_the_groups(engine: Engine) -> None:
    engine.configure()
    engine.create(GROUP, "rg", {"resourceGroupName": "rg", "location": "northeurope"})

    assert engine.checked(CLUSTER, "aks", {"resourceGroupName": "rg"})["location"] == "northeurope"
    assert engine.checked(CLUSTER, "aks", {"resourceGroupName": UNKNOWN})["location"] == UNKNOWN
    assert "location" not in engine.checked(CLUSTER, "aks", {"resourceGroupName": "elsewhere"})


def test_a_type_without_location_gets_none(engine: Engine, group: Made) -> None:
    inputs = {"resourceGroupName": "rg", "virtualNetworkName": "net", "addressPrefix": "10.0.0.0/24"}

    assert "location" not in engine.checked(SUBNET, "nodes", inputs)


def test_the_api_version_is_filled_in(engine: Engine) -> None:
    assert engine.checked(POOL, "gpu", GPU_POOL)["azureApiVersion"] == "2025-09-01"
