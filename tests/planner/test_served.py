from typing import Any

import pytest
import yaml

from inference_stack.planner.served import served_findings

MODEL = "spec.serveConfigV2.applications[0].args.llm_configs[0].engine_kwargs"
LLAMA, LARGE = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"


def service(
    source: str, accelerator: str | None, resource: str = "nvidia.com/gpu", **engine: Any
) -> dict[str, Any]:
    config = {
        "model_loading_config": {"model_id": "m", "model_source": source},
        "accelerator_type": accelerator,
        "engine_kwargs": engine,
    }
    application = {"import_path": "ray.serve.llm:build_openai_app", "args": {"llm_configs": [config]}}
    limits = {"limits": {resource: "8"}}
    group = {
        "minReplicas": 1,
        "resources": {"GPU": "8", "CPU": "8"},
        "template": {"spec": {"containers": [{"name": "ray", "resources": limits}]}},
    }
    text = yaml.safe_dump({"applications": [application]})
    return {"spec": {"serveConfigV2": text, "rayClusterConfig": {"workerGroupSpecs": [group]}}}


def told(*given: Any, **engine: Any) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in served_findings(service(*given, **engine), "0.29.0")]


def test_a_context_that_no_card_of_the_type_holds_is_told_with_one_that_would_fit() -> None:
    (finding,) = served_findings(service(LLAMA, "L4", max_model_len=131072), "0.29.0")
    assert (finding.code, finding.path) == ("context-does-not-fit", f"{MODEL}.max_model_len")
    assert "tokens" in (finding.allowed or "")


def test_the_context_of_the_model_is_taken_where_nobody_says_one() -> None:
    assert told(LLAMA, "L4") == [("context-does-not-fit", f"{MODEL}.max_model_len")]


def test_weights_that_no_card_of_the_type_holds_are_told() -> None:
    assert told(LARGE, "H100") == [("model-does-not-fit", f"{MODEL}.tensor_parallel_size")]
    assert told("Qwen/Qwen2.5-7B-Instruct", "H100", "nvidia.com/mig-1g.12gb") == [
        ("model-does-not-fit", f"{MODEL}.tensor_parallel_size")
    ]


@pytest.mark.parametrize(
    ("given", "engine"),
    [
        ((LLAMA, "L4"), {"max_model_len": 8192}),
        ((LARGE, "H100"), {"tensor_parallel_size": 4}),
        (("Qwen/Qwen2.5-7B-Instruct", "H100", "nvidia.com/mig-3g.47gb"), {}),
        # Some A100 holds it, and some does not.
        (("Qwen/Qwen2.5-32B-Instruct", "A100"), {"max_model_len": 4096}),
    ],
)
def test_what_some_card_of_the_type_holds_is_taken(given: tuple[str, ...], engine: dict[str, Any]) -> None:
    assert told(*given, **engine) == []


@pytest.mark.parametrize(
    ("given", "engine"),
    [
        (("ours/unknown", "L4"), {}),
        ((LARGE, None), {}),
        ((LARGE, "H100"), {"cpu_offload_gb": 100}),
        ((LARGE, "H100"), {"tensor_parallel_size": "two"}),
    ],
    ids=["model", "card", "argument", "value"],
)
def test_nothing_is_said_of_what_cannot_be_reckoned(given: tuple[Any, ...], engine: dict[str, Any]) -> None:
    assert told(*given, **engine) == []


@pytest.mark.parametrize(
    "manifest", [{}, {"spec": {"serveConfigV2": "a: ["}}, {"spec": {"serveConfigV2": "- 1"}}]
)
def test_a_service_that_cannot_be_read_is_no_crash(manifest: dict[str, Any]) -> None:
    assert list(served_findings(manifest, "0.29.0")) == []
