"""KubeRay's definitions go with the stack that made them, unless the cluster is shared."""

from pathlib import Path

import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from rich.console import Console

from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.stack import PROJECT
from localcloud.toolchain import Tool, Toolchain
from tests.cluster.live import fill
from tests.e2e.environments import passed, project

pytestmark = pytest.mark.e2e


def definition(kubeconfig: Path, charts: Path, *, shared: bool) -> str:
    """KubeRay alone, as a YAML stack asks for it on a cluster that is there already."""
    kuberay = {
        "crds": {"chart": str(charts / "kuberay-crds")},
        "operator": {"chart": str(charts / "kuberay-operator")},
        "shared": shared,
    }
    resources = {
        "cluster": {"type": "pulumi:providers:kubernetes", "properties": {"kubeconfig": str(kubeconfig)}},
        "kuberay": {
            "type": "inference-stack:index:KubeRay",
            "properties": kuberay,
            "options": {"providers": ["${cluster}"]},
        },
    }
    plugins = {"providers": [{"name": "inference-stack", "path": str(PROJECT / "components")}]}
    return yaml.safe_dump(
        {"name": "elsewhere", "runtime": "yaml", "plugins": plugins, "resources": resources}
    )


@pytest.mark.parametrize("shared", [False, True])
def test_definitions_stay_only_on_a_shared_cluster(
    shared: bool, toolchain: Toolchain, tmp_path: Path
) -> None:
    charts = toolchain.path(Tool.KUBERAY_CHARTS)
    kubeconfig = tmp_path / "state" / "kubeconfig"
    stack = project(tmp_path, toolchain, definition(kubeconfig, charts, shared=shared))
    stack.state.mkdir()
    with Store(stack.state / "arm.db") as store:
        fill(store)
    cluster.start(stack.state, toolchain, console=Console(stderr=True))
    try:
        passed(stack.up(capture=True))
        passed(stack.destroy(capture=True))
        client = Client(KubeConfig.from_file(kubeconfig), trust_env=False)
        names = {
            str(found.metadata and found.metadata.name) for found in client.list(CustomResourceDefinition)
        }
        assert ("rayservices.ray.io" in names) is shared
    finally:
        cluster.stop(stack.state)
