"""KubeRay's definitions go with the stack that made them, unless the cluster is shared."""

from pathlib import Path

import pytest
from lightkube import Client, KubeConfig
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from rich.console import Console

from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.toolchain import Tool, Toolchain
from tests.cluster.live import fill
from tests.e2e.environments import PYTHON, passed, project

pytestmark = pytest.mark.e2e

PROGRAM = """
import pulumi, pulumi_kubernetes as kubernetes
from components.kuberay import KubeRay

provider = kubernetes.Provider("cluster", kubeconfig={kubeconfig!r})
KubeRay(
    "kuberay",
    {{"crds": {{"chart": {crds!r}}}, "operator": {{"chart": {operator!r}}}, "shared": {shared}}},
    opts=pulumi.ResourceOptions(providers=[provider]),
)
"""


@pytest.mark.parametrize("shared", [False, True])
def test_definitions_stay_only_on_a_shared_cluster(
    shared: bool, toolchain: Toolchain, tmp_path: Path
) -> None:
    charts = toolchain.path(Tool.KUBERAY_CHARTS)
    kubeconfig = tmp_path / "state" / "kubeconfig"
    program = PROGRAM.format(
        kubeconfig=str(kubeconfig),
        crds=str(charts / "kuberay-crds"),
        operator=str(charts / "kuberay-operator"),
        shared=shared,
    )
    stack = project(tmp_path, toolchain, PYTHON, program)
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
