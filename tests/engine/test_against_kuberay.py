"""Our manifests held against KubeRay's own definition, and our check against KubeRay's own manifests."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from inference_stack.engine import check_ray_service
from serving.pinned_schemas import kuberay_crd, kuberay_module

pytestmark = pytest.mark.e2e

DROPPED_BY_VLLM = {
    "ray-service.llm-serve.yaml": [
        "spec.serveConfigV2.applications[0].args.llm_configs[0].engine_kwargs.device"
    ]
}
"""KubeRay's sample of Ray Serve LLM names an argument that vLLM 0.29.0 no longer has."""


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """What the API server makes of a value before it validates it."""
    if isinstance(value, list):
        return [with_defaults(each, schema.get("items", {})) for each in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = {name: child["default"] for name, child in properties.items() if "default" in child} | value
    return {name: with_defaults(each, properties.get(name, {})) for name, each in filled.items()}


def test_the_definition_of_kuberay_accepts_our_manifest(manifest):
    crd = kuberay_crd()
    assert list(Draft202012Validator(crd).iter_errors(with_defaults(manifest, crd))) == []


def test_the_definition_of_kuberay_refuses_what_we_refuse(manifest):
    crd = kuberay_crd()
    manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["minReplicas"] = "1"
    refused = Draft202012Validator(crd).iter_errors(with_defaults(manifest, crd))
    assert [error.json_path for error in refused] == [
        "$.spec.rayClusterConfig.workerGroupSpecs[0].minReplicas"
    ]
    assert [finding.path for finding in check_ray_service(manifest)] == [
        "spec.rayClusterConfig.workerGroupSpecs[0].minReplicas"
    ]


def samples() -> list[Path]:
    return sorted((kuberay_module() / "config" / "samples").glob("*.yaml"))


def test_the_samples_of_kuberay_have_no_fault_but_one_that_is_real():
    found = {
        sample.name: [finding.path for finding in check_ray_service(document)]
        for sample in samples()
        for document in yaml.safe_load_all(sample.read_text())
        if document and document.get("kind") == "RayService"
    }
    assert len(found) >= 10
    assert {name: paths for name, paths in found.items() if paths} == DROPPED_BY_VLLM
