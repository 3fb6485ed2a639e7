"""A pool in AKS against what the environment says of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from components.existing_pools import cluster_differences, pool_differences
from inference_stack.planner import PlannedPool, plan_environment

POOL_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shared/providers"
    "/Microsoft.ContainerService/managedClusters/shared/agentPools/a100"
)
THERE: dict[str, Any] = {
    "vm_size": "Standard_NC40ads_H100_v5",
    "gpu_instance_profile": "MIG2g",
    "scale_set_priority": None,
    "node_taints": ["team=research:NoSchedule"],
    "enable_auto_scaling": True,
    "count": 0,
    "max_count": 2,
    "provisioning_state": "Succeeded",
    "power_state": SimpleNamespace(code="Running"),
}
CLUSTER: dict[str, Any] = {
    "oidc_issuer_profile": SimpleNamespace(enabled=True, issuer_url="https://issuer/"),
    "security_profile": SimpleNamespace(workload_identity=SimpleNamespace(enabled=True)),
}


@pytest.fixture
def pool(asked: dict[str, Any]) -> PlannedPool:
    """What the environment says of the pool in AKS: the truth."""
    asked["pools"][0] |= {"existing": POOL_ID, "taints": ["team=research:NoSchedule"]}
    return plan_environment(asked, name="dev", file="dev").pools[0]


def told(pool: PlannedPool, **there: Any) -> dict[str, str | None]:
    found = pool_differences(SimpleNamespace(**{**THERE, **there}), pool)
    return {finding.path: finding.allowed for finding in found}


def test_a_pool_that_is_as_it_is_said_to_be_passes(pool: PlannedPool) -> None:
    assert told(pool) == {}


@pytest.mark.parametrize(
    ("there", "path", "allowed"),
    [
        ({"vm_size": "Standard_NC24ads_A100_v4"}, "sku", "Standard_NC24ads_A100_v4"),
        ({"gpu_instance_profile": "MIG3g"}, "mig.profile", "MIG3g"),
        ({"gpu_instance_profile": None}, "mig.profile", "nothing"),
        ({"scale_set_priority": "Spot"}, "priority", "Spot"),
        ({"max_count": 1}, "nodes.max", "at most 1"),
        ({"enable_auto_scaling": False, "count": 1}, "nodes.max", "at most 1"),
        ({"node_taints": None}, "taints", "[]"),
        (
            {"node_taints": [*THERE["node_taints"], "a=b:NoExecute"]},
            "taints",
            '["a=b:NoExecute", "team=research:NoSchedule"]',
        ),
        ({"provisioning_state": "Failed"}, "existing", None),
        ({"power_state": SimpleNamespace(code="Stopped")}, "existing", None),
    ],
)
def test_a_difference_is_told_with_what_is_there(
    pool: PlannedPool, there: dict[str, Any], path: str, allowed: str | None
) -> None:
    found = told(pool, **there)
    assert list(found) == [path]
    assert allowed is None or found[path] == allowed


def test_all_differences_are_told_at_once(pool: PlannedPool) -> None:
    there = {"vm_size": "Standard_NC24ads_A100_v4", "max_count": 0, "provisioning_state": "Deleting"}
    assert list(told(pool, **there)) == ["sku", "nodes.max", "existing"]


@pytest.mark.parametrize(
    "there",
    [
        {"vm_size": "standard_nc40ads_h100_v5"},
        {"enable_auto_scaling": False, "count": 2},
        {"max_count": 9},
        {"node_taints": [*THERE["node_taints"], "a=b:PreferNoSchedule", "nvidia.com/gpu=present:NoSchedule"]},
        {"provisioning_state": "Scaling"},
    ],
)
def test_what_does_not_keep_the_pods_away_is_no_difference(pool: PlannedPool, there: dict[str, Any]) -> None:
    assert told(pool, **there) == {}


def test_a_cluster_with_issuer_and_workload_identity_passes(pool: PlannedPool) -> None:
    assert not list(cluster_differences(SimpleNamespace(**CLUSTER), pool))


@pytest.mark.parametrize(
    ("lacking", "flag"),
    [
        ({"oidc_issuer_profile": None}, "--enable-oidc-issuer"),
        ({"security_profile": None}, "--enable-workload-identity"),
    ],
)
def test_a_cluster_whose_pods_are_nobody_in_azure_is_told(
    pool: PlannedPool, lacking: dict[str, Any], flag: str
) -> None:
    (finding,) = cluster_differences(SimpleNamespace(**{**CLUSTER, **lacking}), pool)
    assert finding.remedy == f"az aks update {flag}"
