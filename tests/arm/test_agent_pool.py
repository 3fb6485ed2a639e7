"""What AKS refuses of a pool, each with a neighbour that it takes, and what a GET shows."""

import re
from typing import Any

import pytest

from localcloud.arm.services.agent_pool import SPOT_TAINT
from localcloud.arm.vm_sizes import vm_size, vm_sizes
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Inputs, Made, RefusedError

SYSTEM = {
    "mode": "System",
    "vmSize": "Standard_D4ds_v5",
    "gpuInstanceProfile": None,
    "nodeTaints": None,
    "osDiskSizeGB": None,
    "count": 1,
    "minCount": 1,
}
SPOT = {"scaleSetPriority": "Spot"}
TEMPORARY = {"kubeletDiskType": "Temporary"}
FIXED = {"enableAutoScaling": False, "minCount": None, "maxCount": None}

REFUSED: list[tuple[Inputs, Inputs, str]] = [
    # refused, taken, code and the heart of the text
    ({"agentPoolName": "GPU"}, {"agentPoolName": "gpu"}, "InvalidParameter.*agentPoolProfile.name"),
    ({"agentPoolName": "gpu-1"}, {"agentPoolName": "gpu1"}, "InvalidParameter.*agentPoolProfile.name"),
    ({"agentPoolName": "a" * 13}, {"agentPoolName": "a" * 12}, "InvalidParameter.*agentPoolProfile.name"),
    ({"vmSize": "Standard_NC41ads_H100_v5"}, {"vmSize": "standard_nc40ads_h100_v5"}, "VMSizeNotSupported"),
    (
        {"vmSize": "Standard_D4ds_v5", "osDiskSizeGB": 128},
        {"vmSize": "Standard_D4ds_v5", "osDiskSizeGB": 128, "gpuInstanceProfile": None},
        "VMSizeDoesNotSupportMIG",
    ),
    (
        {"vmSize": "Standard_ND128isr_GB300_v6"},
        {"vmSize": "Standard_ND96isr_H200_v5"},
        "VMSizeDoesNotSupportMIG",
    ),
    ({"count": 4}, {"count": 3}, "agentPoolProfile.count was 4.*minCount:0.*maxCount:3"),
    ({**FIXED, "count": 1001}, {**FIXED, "count": 255}, "agentPoolProfile.count was 1001"),
    ({**FIXED, "count": -1}, {**FIXED, "count": 0}, "agentPoolProfile.count was -1"),
    ({"minCount": -1}, {"minCount": 0}, "parameter agentPoolProfile.minCount is invalid"),
    ({"minCount": None}, {"minCount": 0}, "parameter agentPoolProfile.minCount is invalid"),
    ({"maxCount": None}, {"maxCount": 1}, "parameter agentPoolProfile.maxCount is invalid"),
    ({"maxCount": 1001}, {"maxCount": 255}, "parameter agentPoolProfile.maxCount is invalid"),
    ({"minCount": 4, "count": 4}, {"minCount": 3, "count": 3}, "agentPoolProfile.maxCount is invalid"),
    ({"maxPods": 9}, {"maxPods": 10}, "maxPods must be between 10 and 250"),
    ({"maxPods": 251}, {"maxPods": 250}, "maxPods must be between 10 and 250"),
    ({"osDiskSizeGB": 29}, {"osDiskSizeGB": 30}, "osDiskSizeGB"),
    ({"osDiskSizeGB": 2049}, {"osDiskSizeGB": 2048}, "osDiskSizeGB"),
    (
        {"vmSize": "Standard_NC24ads_A100_v4", "osDiskSizeGB": 65},
        {"vmSize": "Standard_NC24ads_A100_v4", "osDiskSizeGB": 64},
        "VMCacheSizeTooSmall.*cache size of 68719476736 bytes.*requires 69793218560 bytes",
    ),
    (
        {"nodeLabels": {"kubernetes.azure.com/mine": "x"}},
        {"nodeLabels": {"azure.example.com/mine": "x"}},
        "Invalid node label key kubernetes.azure.com/mine",
    ),
    (
        {"nodeLabels": {"kubernetes.azure.com/scalesetpriority": "spot"}},
        {**SPOT, "nodeLabels": {"kubernetes.azure.com/scalesetpriority": "spot"}},
        "Invalid node label key kubernetes.azure.com/scalesetpriority",
    ),
    (
        {"nodeLabels": {"kubernetes.io/role": "gpu"}},
        {"nodeLabels": {"node.kubernetes.io/role": "gpu", "kubelet.kubernetes.io/a": "b"}},
        "must begin with an allowed prefix",
    ),
    (
        {"nodeLabels": {"node-role.kubernetes.io/gpu": ""}},
        {"nodeLabels": {"topology.kubernetes.io/zone": "x"}},
        "must begin with an allowed prefix",
    ),
    ({"nodeTaints": ["gpu"]}, {"nodeTaints": ["gpu:NoSchedule"]}, "invalid taint 'gpu'"),
    ({"nodeTaints": ["a=b:Never"]}, {"nodeTaints": ["a=b:NoExecute"]}, "invalid taint 'a=b:Never'"),
    ({"scaleSetEvictionPolicy": "Delete"}, {**SPOT, "scaleSetEvictionPolicy": "Delete"}, "EvictionPolicy"),
    ({**SPOT, "spotMaxPrice": 0}, {**SPOT, "spotMaxPrice": -1}, "agentPoolProfile.spotMaxPrice"),
    ({**SPOT, "spotMaxPrice": 1.234567}, {**SPOT, "spotMaxPrice": 1.23456}, "agentPoolProfile.spotMaxPrice"),
    (
        {**SPOT, "upgradeSettings": {"maxSurge": "1"}},
        {"upgradeSettings": {"maxSurge": "1"}},
        "Spot pools can't set max surge",
    ),
    (
        {**SPOT, "upgradeSettings": {"maxUnavailable": "1"}},
        {**SPOT, "upgradeSettings": {"drainTimeoutInMinutes": 5}},
        "Spot pools can't set maxUnavailable",
    ),
    (
        {**SPOT, "capacityReservationGroupID": "/x/kept"},
        {"capacityReservationGroupID": "/x/kept"},
        "Spot pools can't use a capacity reservation group",
    ),
    (
        {"upgradeSettings": {"maxSurge": "0"}},
        {"upgradeSettings": {"maxSurge": "0", "maxUnavailable": "1"}},
        "maxSurge and maxUnavailable can't both be 0",
    ),
    (
        {**SYSTEM, "upgradeSettings": {"maxUnavailable": "1"}},
        {**SYSTEM, "upgradeSettings": {"maxUnavailable": "0"}},
        "System pools can't set maxUnavailable",
    ),
    (
        {**SYSTEM, "mode": "User", "vmSize": "Standard_D4s_v5", "osDiskType": "Managed", **TEMPORARY},
        {**SYSTEM, "mode": "User", **TEMPORARY},
        "VMTemporaryDiskTooSmall.*max temporary disk size of 0 bytes.*requires 32212254720 bytes",
    ),
    (
        {**SYSTEM, "mode": "User", "osType": "Windows", "agentPoolName": "windows"},
        {**SYSTEM, "mode": "User", "osType": "Windows", "agentPoolName": "win"},
        "InvalidParameter.*agentPoolProfile.name",
    ),
    ({"orchestratorVersion": "1.22"}, {"orchestratorVersion": "1.35.2"}, "AgentPoolK8sVersionNotSupported"),
    ({"orchestratorVersion": "1.36"}, {"orchestratorVersion": "1.34"}, "NodePoolMcVersionIncompatible"),
    ({**SYSTEM, "count": 0, **FIXED}, {**SYSTEM, **FIXED}, "count was 0.*minCount:1"),
    ({**SYSTEM, "minCount": 0}, SYSTEM, "parameter agentPoolProfile.minCount is invalid"),
    ({**SYSTEM, "maxPods": 29}, {**SYSTEM, "maxPods": 30}, "maxPods must be between 30 and 250"),
    (
        {**SYSTEM, "nodeTaints": ["a=b:NoSchedule"]},
        {**SYSTEM, "nodeTaints": ["CriticalAddonsOnly=true:NoSchedule", "a=b:PreferNoSchedule"]},
        "SystemPoolHasRestrictedTaint",
    ),
    ({**SYSTEM, **SPOT}, SYSTEM, "SystemPoolMustBeRegular"),
    ({**SYSTEM, "osType": "Windows"}, {**SYSTEM, "osType": "Linux"}, "SystemPoolMustBeLinux"),
    (
        {**SYSTEM, "vmSize": "Standard_B4ms", "osDiskType": "Managed"},
        {**SYSTEM, "vmSize": "Standard_D4s_v5", "osDiskType": "Managed"},
        "SystemPoolSkuTooLow",
    ),
]  # fmt: skip


def with_changes(changes: Inputs) -> Inputs:
    return {name: value for name, value in {**GPU_POOL, **changes}.items() if value is not None}


@pytest.mark.parametrize(("refused", "taken", "text"), REFUSED)
def test_aks_refuses_the_pool_in_its_words_and_takes_its_neighbour(
    engine: Engine, cluster: Made, refused: Inputs, taken: Inputs, text: str
) -> None:
    with pytest.raises(RefusedError, match=r'^Status=400 Code="\w+" Message=".*"$') as error:
        engine.create(POOL, "gpu", with_changes(refused))

    assert re.search(text, str(error.value))
    with engine.store() as store:
        assert [pool.name for pool in store.all(POOL)] == ["system"]
    assert engine.create(POOL, "gpu", with_changes(taken)).outputs["provisioningState"] == "Succeeded"


def test_a_pool_needs_its_cluster(engine: Engine, group: Made) -> None:
    with pytest.raises(RefusedError, match=r'Status=404 Code="ParentResourceNotFound".*\'aks\' not found'):
        engine.create(POOL, "gpu", GPU_POOL)


def test_the_last_system_pool_can_neither_go_nor_turn(engine: Engine, cluster: Made) -> None:
    system = engine.read(POOL, f"{cluster.id}/agentPools/system")
    assert system is not None

    with pytest.raises(RefusedError, match="There has to be at least one system agent pool"):
        engine.delete(system)
    with pytest.raises(RefusedError, match="There has to be at least one system agent pool"):
        engine.update(system, {"mode": "User"})

    engine.create(POOL, "second", with_changes({**SYSTEM, "agentPoolName": "second"}))
    engine.update(system, {"mode": "User"})
    engine.delete(system)


def test_the_autoscaler_cannot_be_enabled_with_another_count(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "gpu", with_changes({**FIXED, "count": 1}))
    scaling = {"enableAutoScaling": True, "minCount": 0, "maxCount": 3}

    with pytest.raises(RefusedError, match="Cannot manually scale and enable cluster autoscaler"):
        engine.update(made, {**scaling, "count": 2})

    assert engine.update(made, scaling).outputs["enableAutoScaling"] is True


def test_a_count_left_out_keeps_what_the_autoscaler_made_of_it(engine: Engine, pool: Made) -> None:
    with engine.store() as store:
        store.change(pool.id, count=2)

    assert engine.update(pool, {"count": None, "tags": {"a": "b"}}).outputs["count"] == 2


def test_a_raised_minimum_brings_the_count_along(engine: Engine, pool: Made) -> None:
    assert engine.update(pool, {"minCount": 2}).outputs["count"] == 2


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, {"osType": "Linux", "osSKU": "Ubuntu", "scaleDownMode": "Delete", "kubeletDiskType": "OS"}),
        ({}, {"currentOrchestratorVersion": "1.35.6", "orchestratorVersion": "1.35", "maxPods": 250}),
        ({}, {"gpuProfile": {"driver": "Install"}, "powerState": {"code": "Running"}}),
        ({"gpuProfile": {"driver": "None"}}, {"gpuProfile": {"driver": "None"}}),
        ({"osDiskType": None, "osDiskSizeGB": None}, {"osDiskType": "Ephemeral", "osDiskSizeGB": 2048}),
        ({"osDiskType": None, "osDiskSizeGB": 0}, {"osDiskType": "Ephemeral", "osDiskSizeGB": 2048}),
        (
            {"osDiskType": None, "osDiskSizeGB": None, "vmSize": "Standard_NC24ads_A100_v4"},
            {"osDiskType": "Managed", "osDiskSizeGB": 512},
        ),
        (SPOT, {"scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}),
        (SPOT, {"nodeTaints": ["nvidia.com/gpu=present:NoSchedule", SPOT_TAINT]}),
        ({**SPOT, "nodeTaints": [SPOT_TAINT]}, {"nodeTaints": [SPOT_TAINT]}),
    ],
)
def test_a_get_shows_what_the_service_fills_in(
    engine: Engine, cluster: Made, changes: Inputs, shown: Inputs
) -> None:
    outputs = engine.create(POOL, "gpu", with_changes(changes)).outputs

    assert outputs.items() >= shown.items()


def test_an_arm64_size_gets_an_arm64_image(engine: Engine, cluster: Made) -> None:
    changes: dict[str, Any] = {
        "vmSize": "Standard_D8ps_v6",
        "osDiskType": "Managed",
        "gpuInstanceProfile": None,
    }

    assert "arm64" in engine.create(POOL, "arm", with_changes(changes)).outputs["nodeImageVersion"]


@pytest.mark.parametrize(
    ("network", "pods"),
    [
        ({"networkPlugin": "azure", "networkPluginMode": "overlay"}, 250),
        ({"networkPlugin": "azure"}, 30),
        ({"networkPlugin": "kubenet"}, 110),
    ],
)
def test_the_networks_plugin_decides_how_many_pods_a_node_holds(
    engine: Engine, group: Made, network: Inputs, pods: int
) -> None:
    engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, "networkProfile": network})

    assert engine.create(POOL, "gpu", GPU_POOL).outputs["maxPods"] == pods


def test_sizes_are_found_whatever_their_case() -> None:
    found = vm_size("standard_nc40ads_h100_v5")

    assert found is not None
    assert (found.name, found.vcpu, found.gpus, found.mig) == ("Standard_NC40ads_H100_v5", 40, 1, True)
    assert vm_size("Standard_NC1") is None


def test_only_a100_h100_and_h200_can_be_cut() -> None:
    assert {size.gpu for size in vm_sizes().values() if size.mig} == {"A100", "H100", "H200"}
