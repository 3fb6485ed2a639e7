"""Two stacks on one cluster: one makes it, another knows it through a StackReference, from YAML or Python."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Pod
from rich.console import Console

from components.__main__ import package
from components.serving_manifest import Place, service_manifest
from inference_stack.planner import plan_environment, services
from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.stack import PROJECT, Stack
from localcloud.toolchain import Toolchain
from tests.cluster.live import eventually
from tests.e2e.environments import KEY, passed, stack, told

pytestmark = pytest.mark.e2e

POOL = "azure-native:containerservice:AgentPool"
NAMESPACE = "another-team"
PLUGIN = {"providers": [{"name": "inference-stack", "path": str(PROJECT / "components")}]}
HIDDEN = "hunter2"


@dataclass(frozen=True)
class Beside(Stack):
    """A stack of another project in the cloud and the backend of a first one."""

    first: Stack | None = None

    def variables(self) -> dict[str, str]:
        assert self.first
        shared = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "LOCALCLOUD_STATE")
        of_first = self.first.variables()
        return {**super().variables(), **{name: of_first[name] for name in shared}}


def service() -> dict[str, Any]:
    """A RayService of another team: that of dev, under another name, where theirs may run."""
    asked = yaml.safe_load((PROJECT / "Pulumi.dev.yaml").read_text())["config"][KEY]
    plan = plan_environment(asked, name="dev", file="Pulumi.dev.yaml")
    (theirs,) = services(plan.models)
    manifest = service_manifest(plan, theirs, Place(namespace=NAMESPACE, service_account="default"))
    manifest["metadata"]["name"] = "theirs"
    return manifest


def definition() -> dict[str, Any]:
    """What the other team writes in YAML."""
    inside = {"provider": "${kubernetes}"}
    return {
        "name": "another-team",
        "runtime": "yaml",
        "plugins": PLUGIN,
        "resources": {
            "platform": {
                "type": "pulumi:pulumi:StackReference",
                "properties": {"name": "organization/inference-stack/dev"},
            },
            "kubernetes": {
                "type": "pulumi:providers:kubernetes",
                "properties": {"kubeconfig": '${platform.outputs["kubeconfig"]}'},
            },
            "gpus": {
                "type": "inference-stack:index:GpuNodePool",
                "properties": {
                    "resourceGroupName": '${platform.outputs["resource_group"]}',
                    "clusterName": '${platform.outputs["cluster"]}',
                    "pool": "theirs",
                    "sku": "Standard_NC24ads_A100_v4",
                    "nodes": {"max": 1},
                },
            },
            "namespace": {
                "type": "kubernetes:core/v1:Namespace",
                "properties": {"metadata": {"name": NAMESPACE}},
                "options": inside,
            },
            "service": {
                "type": "inference-stack:index:RayServe",
                "properties": {"manifest": service()},
                "options": {"providers": ["${kubernetes}"], "dependsOn": ["${namespace}"]},
            },
        },
    }


@pytest.fixture(scope="module")
def first(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = stack(tmp_path_factory.mktemp("first"), toolchain)
    cluster.start(made.state, toolchain, console=Console(stderr=True))
    try:
        passed(made.up(capture=True))
        yield made
    finally:
        cluster.stop(made.state)


def beside(first: Stack, folder: Path, definition: dict[str, Any]) -> Stack:
    """The other team's stack."""
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(definition))
    file = folder / "settings.yaml"
    file.write_text("config: {}\n")
    made = Beside("theirs", first.toolchain, folder / "state", file, folder, first)
    made.state.mkdir()
    return made


def in_yaml(first: Stack, folder: Path) -> Stack:
    return beside(first, folder, definition())


PROGRAM = """
import json
from pathlib import Path

import pulumi
import pulumi_inference_stack as inference
import pulumi_kubernetes as kubernetes

platform = pulumi.StackReference("organization/inference-stack/dev")
cluster = kubernetes.Provider("kubernetes", kubeconfig=platform.require_output("kubeconfig"))
inference.GpuNodePool(
    "gpus",
    resource_group_name=platform.require_output("resource_group"),
    cluster_name=platform.require_output("cluster"),
    pool="theirs",
    sku="Standard_NC24ads_A100_v4",
    mig=inference.MigArgsArgs(profile="MIG2g"),
    nodes=inference.NodesArgsArgs(max=1),
    tags=pulumi.Output.secret({"costCentre": "hunter2"}),
)
namespace = kubernetes.core.v1.Namespace(
    "namespace", metadata={"name": "another-team"}, opts=pulumi.ResourceOptions(provider=cluster)
)
inference.RayServe(
    "service",
    manifest=json.loads(Path("service.json").read_text()),
    opts=pulumi.ResourceOptions(providers=[cluster], depends_on=[namespace]),
)
"""


def in_python(first: Stack, folder: Path) -> Stack:
    """With the SDK that `pulumi package add` makes."""
    environment = folder / "venv"
    uv = PROJECT / ".venv" / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--seed", environment], check=True)
    # What this project has installed is installed there too.
    ours, theirs = (
        next((venv / "lib").iterdir()) / "site-packages" for venv in (PROJECT / ".venv", environment)
    )
    (theirs / "ours.pth").write_text(f"{ours}\n")
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(environment)}}
    made = beside(first, folder, {"name": "python-team", "runtime": runtime, "plugins": PLUGIN})
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "service.json").write_text(json.dumps(service()))
    (folder / "requirements.txt").write_text("pulumi\n")
    schema = folder / "schema.json"
    schema.write_text(package().schema or "")
    passed(made.pulumi("package", "add", str(schema), capture=True, cwd=folder))
    return made


def pools(made: Stack) -> set[str]:
    with Store(made.state / "arm.db") as store:
        return {str(pool.properties.get("vmSize")) for pool in store.all(POOL)}


@pytest.mark.parametrize("written", [in_yaml, in_python])
def test_another_stack_adds_a_pool_and_a_service_to_the_cluster_and_takes_only_them_away(
    written: Callable[[Stack, Path], Stack], first: Stack, tmp_path: Path
) -> None:
    second = written(first, tmp_path)
    shown = told(passed(second.run("up", "--yes", "--diff", capture=True)))
    assert "nvidia.com/gpu" in shown
    assert HIDDEN not in shown
    assert "Standard_NC24ads_A100_v4" in pools(first)
    client = Client(KubeConfig.from_file(first.state / "kubeconfig"), namespace=NAMESPACE, trust_env=False)
    eventually("their head", lambda: list(client.list(Pod, labels={"ray.io/node-type": "head"})))
    passed(first.run("preview", "--expect-no-changes", capture=True))
    passed(second.run("destroy", "--yes", "--skip-preview", capture=True))
    assert "Standard_NC24ads_A100_v4" not in pools(first)
    passed(first.run("preview", "--expect-no-changes", capture=True))
