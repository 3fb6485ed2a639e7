"""The policy pack and the component package, as people other than the author use them, on the real engine."""

from pathlib import Path

import pytest

from localcloud.stack import PROJECT
from localcloud.toolchain import Toolchain
from tests.e2e.environments import PYTHON, passed, project

pytestmark = pytest.mark.e2e

RAY_SERVICE = """
import pulumi_kubernetes as kubernetes, yaml
model = {{"model_loading_config": {{"model_id": "m", "model_source": "{source}"}}, "engine_kwargs": {engine}}}
application = {{"import_path": "ray.serve.llm:build_openai_app", "args": {{"llm_configs": [model]}}}}
def pod(**limits):
    container = {{"name": "ray", "image": "rayproject/ray-llm:2.60.0", "resources": {{"limits": limits}}}}
    return {{"spec": {{"containers": [container]}}}}
kubernetes.apiextensions.CustomResource(
    "service", api_version="ray.io/v1", kind="RayService", metadata={{"name": "m"}},
    spec={{
        "serveConfigV2": yaml.safe_dump({{"applications": [application]}}),
        "rayClusterConfig": {{
            "headGroupSpec": {{"template": pod(cpu="2")}},
            "workerGroupSpecs": [
                {{"groupName": "gpus", "minReplicas": 1, "template": pod(**{{"nvidia.com/gpu": 1}})}}
            ],
        }},
    }},
    opts=__import__("pulumi").ResourceOptions(
        provider=kubernetes.Provider("offline", render_yaml_to_directory="rendered")),
)
"""
QWEN = "Qwen/Qwen2.5-7B-Instruct"
AGENT_POOL = """
from pulumi_azure_native import containerservice
containerservice.AgentPool(
    "gpus", agent_pool_name="gpus", resource_group_name="rg", resource_name_="aks", mode="User",
    vm_size="{size}", enable_auto_scaling=True, count=0, min_count=0, max_count=2,
    node_taints={taints}, gpu_instance_profile={profile}, tags={tags},
)
"""
TAINT = '["nvidia.com/gpu=present:NoSchedule"]'
TAG = '{"k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_mig-2g.24gb": "3"}'
NC40 = "Standard_NC40ads_H100_v5"
RESERVATION = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/reserved/providers"
    "/Microsoft.Compute/capacityReservationGroups/h100"
)


@pytest.mark.parametrize(
    ("program", "violation"),
    [
        pytest.param(
            AGENT_POOL.format(size=NC40, taints="[]", profile='"MIG2g"', tags=TAG),
            "gpu-pool-reachable",
            id="no taint",
        ),
        pytest.param(
            AGENT_POOL.format(size=NC40, taints=TAINT, profile='"MIG2g"', tags="{}"),
            "gpu-pool-reachable",
            id="no tag",
        ),
        pytest.param(
            AGENT_POOL.format(
                size="Standard_ND128isr_NDR_GB200_v6",
                taints=TAINT,
                profile='"MIG2g"',
                tags='{"k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_gpu": "4"}',
            ),
            "mig-profile-possible",
            id="no such slice",
        ),
        pytest.param(
            RAY_SERVICE.format(source="meta-llama/Llama-3.1-8B-Instruct", engine={}),
            "licence-allowed",
            id="licence",
        ),
        pytest.param(
            RAY_SERVICE.format(source=QWEN, engine={"max_model_length": 4}),
            "engine-arguments-valid",
            id="no such argument",
        ),
    ],
)
def test_a_mandatory_violation_stops_a_preview(
    program: str, violation: str, toolchain: Toolchain, tmp_path: Path
) -> None:
    run = project(tmp_path, toolchain, PYTHON, program).preview(capture=True)
    assert run.returncode != 0, run.stdout
    assert f"[mandatory]  {violation}" in run.stdout
    assert "allowed:" in run.stdout


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(AGENT_POOL.format(size=NC40, taints=TAINT, profile='"MIG2g"', tags=TAG), id="pool"),
        pytest.param(RAY_SERVICE.format(source=QWEN, engine={"max_model_len": 8192}), id="service"),
    ],
)
def test_what_keeps_the_rules_passes(program: str, toolchain: Toolchain, tmp_path: Path) -> None:
    passed(project(tmp_path, toolchain, PYTHON, program).preview(capture=True))


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
