"""A plan with every kind of service, and what is sent for it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.serving_manifest import Place, service_manifest
from inference_stack.planner import Plan, plan_environment, services

HERE = Place(
    namespace="inference", service_account="inference", head_selector={"inference-stack.io/pool": "heads"}
)


@pytest.fixture(scope="session")
def whole() -> Plan:
    file = Path(__file__).with_name("whole.yaml")
    return plan_environment(yaml.safe_load(file.read_text()), name="whole", file=file.name)


@pytest.fixture
def manifests(whole: Plan) -> dict[str, dict[str, Any]]:
    """What KubeRay is sent, by model."""
    return {each.name: service_manifest(whole, each, HERE) for each in services(whole.models)}


@pytest.fixture
def ours() -> list[dict[str, Any]]:
    """What KubeRay is sent for the environments of this repository."""
    plans = []
    for file in sorted(Path(__file__).parents[2].glob("Pulumi.*.yaml")):
        settings = yaml.safe_load(file.read_text())["config"]
        plans.append(
            plan_environment(settings["inference-stack:environment"], name=file.stem, file=file.name)
        )
    return [service_manifest(plan, each, HERE) for plan in plans for each in services(plan.models)]
