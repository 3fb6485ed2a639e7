"""The component package as other people's stacks use it, previewed on the real engine."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.stack import PROJECT, Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import PYTHON, passed, project, told

pytestmark = pytest.mark.e2e

HIDDEN = "hunter2"
PLUGIN = {"providers": [{"name": "inference-stack", "path": str(PROJECT / "components")}]}
POOL = {
    "resourceGroupName": "rg",
    "clusterName": "aks",
    "pool": "gpus",
    "sku": "Standard_NC40ads_H100_v5",
    "mig": {"profile": "MIG2g"},
    "nodes": {"max": 2},
}
MODEL = {
    "name": "chat",
    "source": "Qwen/Qwen2.5-7B-Instruct",
    "contextTokens": 8192,
    "replicas": {"max": 1},
    "engine": {"seed": 4},
    "adapters": [{"name": "legal", "rank": 32}, {"name": "hr"}],
}
ENVIRONMENT = {
    "region": "swedencentral",
    "storageAccount": "acmeweights",
    "images": {"registry": "acme.azurecr.io/mirror"},
    "tags": {"costCentre": "42"},
    "models": [MODEL],
}


def consumer(folder: Path, toolchain: Toolchain, **resources: Any) -> Stack:
    """A YAML stack of somebody else's."""
    asked = {
        name: {"type": f"inference-stack:index:{kind}", "properties": given}
        for name, (kind, given) in resources.items()
    }
    definition = {"name": "consumer", "runtime": "yaml", "plugins": PLUGIN, "resources": asked}
    return project(folder, toolchain, yaml.safe_dump(definition))


def test_a_yaml_stack_asks_for_a_whole_environment(toolchain: Toolchain, tmp_path: Path) -> None:
    stack = consumer(tmp_path, toolchain, here=("InferenceStack", {"environment": ENVIRONMENT}))
    shown = passed(stack.run("preview", "--diff", capture=True)).stdout
    for kind in (
        "azure-native:containerservice:ManagedCluster",
        "azure-native:containerservice:AgentPool",
        "inference-stack:index:RayServe",
    ):
        assert kind in shown
    # A key of a map is nobody's property: it stays as it was written.
    assert "costCentre" in shown


def test_what_is_wrong_with_an_environment_is_told_by_the_names_that_were_written(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    wrong = {**ENVIRONMENT, "models": [{**MODEL, "contextTokens": 1, "source": "Nobody/Nothing"}]}
    stack = consumer(tmp_path, toolchain, here=("InferenceStack", {"environment": wrong}))
    run = stack.run("preview", capture=True)
    assert run.returncode != 0
    assert "environment.models[0].contextTokens" in told(run)
    assert "environment.models[0].source" in told(run)


def test_a_secret_may_stand_where_a_value_is_only_passed_on(toolchain: Toolchain, tmp_path: Path) -> None:
    tags = {"fn::secret": {"costCentre": HIDDEN}}
    stack = consumer(tmp_path, toolchain, gpus=("GpuNodePool", {**POOL, "tags": tags}))
    assert HIDDEN not in told(passed(stack.run("preview", "--diff", capture=True)))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"mig": {"fn::secret": {"profile": HIDDEN}}}, "mig"),
        ({"nodes": {"max": {"fn::secret": 2}}}, "nodes.max"),
    ],
)
def test_a_secret_that_the_plan_would_need_is_refused_and_not_printed(
    toolchain: Toolchain, tmp_path: Path, given: dict[str, Any], path: str
) -> None:
    run = consumer(tmp_path, toolchain, gpus=("GpuNodePool", {**POOL, **given})).run("preview", capture=True)
    assert run.returncode != 0
    assert f"property {path} " in told(run)
    assert "must be known before anything is made" in told(run)
    assert HIDDEN not in told(run)


IN_PROCESS = f"""
import sys
sys.path.insert(0, {str(PROJECT)!r})
from components.gpu_node_pool import GpuNodePool

GpuNodePool("gpus", {{
    "resource_group_name": "rg", "cluster_name": "aks", "pool": "gpus", "sku": "Standard_NC40ads_H100_v5",
    "mig": {{"profile": "PROFILE"}}, "nodes": {{"max": 2}},
}})
"""


@pytest.mark.parametrize(("profile", "taken"), [("MIG2g", True), ("MIG5g", False)])
def test_a_python_stack_imports_a_component(
    toolchain: Toolchain, tmp_path: Path, profile: str, taken: bool
) -> None:
    stack = project(tmp_path, toolchain, PYTHON, IN_PROCESS.replace("PROFILE", profile))
    run = stack.run("preview", capture=True)
    assert (run.returncode == 0) is taken
    assert ("azure-native:containerservice:AgentPool" if taken else "mig.profile") in told(run)
