"""Our manifests held against KubeRay's own definition, and our check against KubeRay's own manifests."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.engine import check_ray_service
from inference_stack.spec import Finding, Severity
from serving.pinned_schemas import kuberay_module

from .definition import refused_by_the_definition

pytestmark = pytest.mark.e2e

MODEL = "spec.serveConfigV2.applications[0].args.llm_configs[0]"
IMAGE = "spec.rayClusterConfig.headGroupSpec.template.spec.containers[0].image"
REAL = {
    # An argument that vLLM 0.29.0 no longer has, and a Ray that nobody tried with it.
    "ray-service.llm-serve.yaml": [f"{MODEL}.engine_kwargs.device", IMAGE],
    # Ray Serve LLM sends one replica whatever comes.
    "ray-service.deepseek.yaml": [f"{MODEL}.deployment_config.max_ongoing_requests", IMAGE],
}
"""What is wrong with KubeRay's own samples."""


def faults(manifest: dict[str, Any]) -> list[Finding]:
    """What is wrong with a manifest, advice aside."""
    return [finding for finding in check_ray_service(manifest) if finding.severity is not Severity.NOTE]


def test_the_definition_of_kuberay_accepts_our_manifest(manifest):
    assert refused_by_the_definition(manifest) == []


def test_the_definition_of_kuberay_refuses_what_we_refuse(manifest):
    manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["minReplicas"] = "1"
    assert refused_by_the_definition(manifest) == ["$.spec.rayClusterConfig.workerGroupSpecs[0].minReplicas"]
    assert [finding.path for finding in faults(manifest)] == [
        "spec.rayClusterConfig.workerGroupSpecs[0].minReplicas"
    ]


def samples() -> list[Path]:
    return sorted((kuberay_module() / "config" / "samples").glob("*.yaml"))


def test_the_samples_of_kuberay_have_no_fault_but_those_that_are_real():
    found = {
        sample.name: [finding.path for finding in faults(document)]
        for sample in samples()
        for document in yaml.safe_load_all(sample.read_text())
        if document and document.get("kind") == "RayService"
    }
    assert len(found) >= 10
    assert {name: paths for name, paths in found.items() if paths} == REAL
