"""A pool that is there already, in a preview: used where it is as said, and refused where it is not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from localcloud.arm.store import Store
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import passed, stack

pytestmark = pytest.mark.e2e

CLUSTER = (
    "/subscriptions/6f1e8c1a-3b0d-4a57-9a51-1c2d3e4f5a6b/resourceGroups/shared/providers"
    "/Microsoft.ContainerService/managedClusters/shared"
)
POOLS = {"old": f"{CLUSTER}/agentPools/a100", "older": f"{CLUSTER}/agentPools/b100"}


def two_existing(environment: dict[str, Any]) -> None:
    """Two models on two pools of one cluster in another subscription."""
    for name, pool_id in POOLS.items():
        environment["pools"].append(
            {
                "name": name,
                "existing": pool_id,
                "sku": "Standard_NC24ads_A100_v4",
                "nodes": {"max": 2},
                "taints": ["team=research:NoSchedule"],
            }
        )
        environment["models"].append(
            {
                "name": f"on-{name}",
                "source": "Qwen/Qwen2.5-7B-Instruct",
                "context_tokens": 8192,
                "replicas": {"max": 1},
                "placement": {"pool": name},
            }
        )


@pytest.fixture(scope="module")
def asked(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return stack(tmp_path_factory.mktemp("existing"), toolchain, two_existing)


def test_models_on_two_pools_of_one_cluster_share_its_namespace_identity_and_provider(asked: Stack) -> None:
    run = passed(asked.preview("--json", capture=True))
    states = [step["newState"] for step in json.loads(run.stdout)["steps"]]
    services = {
        state["inputs"]["metadata"]["name"]: (state["inputs"]["metadata"]["namespace"], state["provider"])
        for state in states
        if state["type"] == "kubernetes:ray.io/v1:RayService"
    }
    assert services["on-old"] == services["on-older"]
    assert services["on-old"][0] == "inference-dev"
    assert services["copilot"][0] == "inference"
    assert services["copilot"][1] != services["on-old"][1]
    trusts = [state for state in states if state["type"].endswith(":FederatedIdentityCredential")]
    assert len(trusts) == 2
    # Neither KubeRay nor a device plugin is made there.
    assert sum(state["type"] == "kubernetes:helm.sh/v3:Release" for state in states) == 2
    assert not [state for state in states if state["type"].endswith(":AgentPool") and "old" in state["urn"]]


def test_every_difference_of_every_pool_is_told_at_once(asked: Stack) -> None:
    asked.prepare()
    with Store(asked.state / "arm.db") as store:
        store.change(POOLS["old"], vmSize="Standard_NC48ads_A100_v4", maxCount=1)
        store.change(POOLS["older"], nodeTaints=["team=sales:NoSchedule"])
    run = asked.preview(capture=True)
    assert run.returncode == 1
    told = run.stdout + run.stderr
    for path, allowed in {
        "pools[1].sku": "Standard_NC48ads_A100_v4",
        "pools[1].nodes.max": "at most 1",
        "pools[2].taints": '["team=sales:NoSchedule"]',
    }.items():
        assert f"Pulumi.dev.yaml: {path} = " in told
        assert f"allowed: {allowed}" in told
    assert "3 errors in Pulumi.dev.yaml; nothing was created." in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("gone", "paths"),
    [(POOLS["old"], ["pools[1]"]), (CLUSTER, ["pools[1]", "pools[2]"])],
    ids=["pool", "cluster"],
)
def test_a_pool_or_a_cluster_that_is_not_there_is_told(
    gone: str, paths: list[str], toolchain: Toolchain, tmp_path: Path
) -> None:
    asked = stack(tmp_path, toolchain, two_existing)
    asked.prepare()
    with Store(asked.state / "arm.db") as store:
        for stored in reversed(store.within(gone)):
            store.delete(stored.id)
    run = asked.preview(capture=True)
    told = run.stdout + run.stderr
    assert run.returncode == 1, told
    absent = re.findall(r"Pulumi.dev.yaml: (\S+)\.existing = (\S+)\n\s+is not there", told)
    assert absent == list(zip(paths, POOLS.values(), strict=False))
    assert "do: see what is there: az aks list" in told
    assert "nothing was created." in told
    assert "Traceback" not in told
