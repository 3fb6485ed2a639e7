"""`make preview` on the real engine: what a person sees, and what a faulty environment gets."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.planner import HEAD_CPU, HEAD_GIB, plan_environment
from inference_stack.spec import read
from localcloud.arm.store import Store
from localcloud.stack import PROJECT, stack_at
from localcloud.toolchain import Toolchain
from serving.image import tag
from tests.e2e.environments import passed, stack, steps
from tests.spec.malformed_table import LARGEST, Malformed

pytestmark = pytest.mark.e2e

CREATED = re.compile(r"^ \+ +(\S+) \S+ create\b", re.MULTILINE)


@pytest.mark.parametrize(
    ("environment", "region", "pools"), [("dev", "swedencentral", 1), ("prod", "eastus2", 5)]
)
def test_an_environment_previews_with_its_plan_and_passes_the_policies(
    environment: str, region: str, pools: int, toolchain: Toolchain, tmp_path: Path
) -> None:
    before = _git_status()
    run = passed(stack(tmp_path, toolchain, environment=environment).preview(capture=True))
    assert f"{environment} in {region}" in run.stdout
    assert "USD an hour idle" in run.stdout
    assert "inference-stack@" in run.stdout
    # And the pool of the heads.
    assert CREATED.findall(run.stdout).count("azure-native:containerservice:AgentPool") == pools + 1
    assert _git_status() == before


def test_a_preview_creates_nothing(toolchain: Toolchain, tmp_path: Path) -> None:
    previewed = stack(tmp_path, toolchain)
    assert set(steps(passed(previewed.preview("--json", capture=True))).values()) == {"create"}
    with Store(previewed.state / "arm.db") as store:
        assert not store.all("azure-native:resources:ResourceGroup")


def test_under_anyscales_runtime_services_are_put_out_for_it_and_nothing_of_kuberay_is_made(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    def anyscale(environment: dict[str, Any]) -> None:
        environment["cluster"]["runtime"] = "anyscale"

    told = passed(stack(tmp_path, toolchain, anyscale).preview(capture=True)).stdout
    made = CREATED.findall(told)
    assert "azure-native:containerservice:AgentPool" in made
    assert not [kind for kind in made if "ray" in kind.lower()]
    assert "anyscale_services" in told
    assert tag("anyscale") in told


def test_each_service_gets_the_start_budget_and_the_head_of_its_plan(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    run = passed(stack(tmp_path, toolchain, environment="prod").preview("--json", capture=True))
    states = [step["newState"] for step in json.loads(run.stdout)["steps"]]
    made = {
        state["inputs"]["metadata"]["name"]: state["inputs"]["spec"]
        for state in states
        if state["type"] == "kubernetes:ray.io/v1:RayService"
    }
    source = read(PROJECT / "Pulumi.prod.yaml")
    for model in plan_environment(source.data, name="prod", file="Pulumi.prod.yaml").models:
        args = yaml.safe_load(made[model.name]["serveConfigV2"])["applications"][0]["args"]
        both = [args["prefill_config"], args["decode_config"]] if model.prefill else args["llm_configs"]
        assert model.cold_start is not None
        for served in both:
            given = served["runtime_env"]["env_vars"]
            assert given["VLLM_ENGINE_READY_TIMEOUT_S"] == str(model.cold_start.start_budget_s)
        head = made[model.name]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
        assert head["resources"]["requests"] == {"cpu": str(HEAD_CPU), "memory": f"{HEAD_GIB}Gi"}


@pytest.mark.parametrize("malformed", LARGEST, ids=lambda each: each.name)
def test_a_malformed_environment_gets_every_fault_at_once_and_nothing_is_registered(
    malformed: Malformed, toolchain: Toolchain, tmp_path: Path
) -> None:
    faulty = stack_at("faulty", toolchain, malformed.written(tmp_path), tmp_path / "state")
    run = faulty.preview(capture=True)
    assert run.returncode == 1
    told = run.stdout + run.stderr
    for wrong in malformed.wrong:
        assert f"Pulumi.faulty.yaml: {wrong.path}" in told
        assert wrong.allowed in told
    assert f"{len(malformed.wrong)} errors in Pulumi.faulty.yaml; nothing was created." in told
    assert "Traceback" not in told
    assert set(CREATED.findall(run.stdout)) <= {"pulumi:pulumi:Stack"}


def _git_status() -> str:
    return subprocess.run(
        ["git", "status", "--porcelain"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
