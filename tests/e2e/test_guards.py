"""The component package, as people other than the author use it, on the real engine."""

from pathlib import Path

import pytest

from localcloud.stack import PROJECT
from localcloud.toolchain import Toolchain
from tests.e2e.environments import passed, project

pytestmark = pytest.mark.e2e

NC40 = "Standard_NC40ads_H100_v5"
RESERVATION = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/reserved/providers"
    "/Microsoft.Compute/capacityReservationGroups/h100"
)

CONSUMER = f"""
name: consumer
runtime: yaml
plugins:
  providers:
    - {{name: inference-stack, path: {PROJECT / "components"}}}
resources:
  gpus:
    type: inference-stack:index:GpuNodePool
    properties:
      resourceGroupName: rg
      clusterName: aks
      pool: gpus
      sku: {NC40}
      mig: {{profile: PROFILE, strategy: mixed}}
      nodes: {{max: 2}}
      capacityReservation: {RESERVATION}
outputs:
  resource: ${{gpus.resource}}
"""


def test_a_yaml_stack_previews_a_gpu_pool(toolchain: Toolchain, tmp_path: Path) -> None:
    consumer = project(tmp_path, toolchain, CONSUMER.replace("PROFILE", "MIG2g"))
    told = passed(consumer.run("preview", "--diff", capture=True)).stdout
    assert "azure-native:containerservice:AgentPool" in told
    assert "nvidia.com/mig-2g.24gb" in told
    assert RESERVATION in told
    assert "node-template_resources_nvidia.com_mig-2g.24gb: " in told


def test_wrong_arguments_of_a_yaml_stack_are_told_by_path(toolchain: Toolchain, tmp_path: Path) -> None:
    run = project(tmp_path, toolchain, CONSUMER.replace("PROFILE", "MIG5g")).run("preview", capture=True)
    assert run.returncode != 0
    told = run.stdout + run.stderr
    assert "mig.profile" in told
    assert "MIG1g" in told
