"""Manifests and other documents, as environments."""

from typing import Any

import pytest
import yaml

from inference_stack.importing import Imported
from inference_stack.spec import Finding
from tests.importing.sources import COMPOSE, DEPLOYMENT, DOCKERFILE, SERVICE, imported


def left(found: Imported, path: str) -> Finding:
    (one,) = [each for each in found.findings if each.path.endswith(path) and each.code == "import-left"]
    return one


def models(found: Imported) -> list[dict[str, Any]]:
    return found.content["models"]


def test_a_service_of_several_models_is_an_environment_of_them() -> None:
    found = imported(SERVICE)
    chat, small = models(found)
    assert chat == {
        "name": "chat-7b",
        "source": "Qwen/Qwen2.5-7B-Instruct",
        "context_tokens": 16384,
        "concurrency": 48,
        "replicas": {"min": 1, "max": 4},
        "adapters": [{"name": f"adapter-{number}", "rank": 16} for number in (1, 2, 3)],
        "upgrade": "None",
        "engine": {"dtype": "bfloat16"},
        "placement": {"pool": "a100x2", "gpus": 2},
    }
    assert (small["source"], small["replicas"]) == ("Qwen/Qwen3-0.6B", {"min": 2, "max": 2})
    assert "routing" not in small
    (pool,) = found.content["pools"]
    assert pool == {"name": "a100x2", "sku": "Standard_NC48ads_A100_v4", "nodes": {"min": 0, "max": 5}}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("engine_kwargs.speculative_config", "memory of a draft model"),
        ("engine_kwargs.swap_space", "has no"),
        ("request_router_config.request_router_class", "routes by load or by prefix"),
        ("llm_configs[0].lora_config", "storage account"),
        ("containers[0].env[0]", "sets no variables"),
        ("workerGroupSpecs[0].template.spec.serviceAccountName", "service account of this stack"),
        ("imagePullSecrets", "pulls images"),
        ("volumeMounts[1]", "no other volume"),
        ("http_options.port", "nothing in an environment"),
    ],
)
def test_what_is_left_out_says_why(path: str, says: str) -> None:
    assert says in left(imported(SERVICE), path).what


def test_what_is_left_out_has_its_line() -> None:
    lines = SERVICE.splitlines()
    for path in ("engine_kwargs.swap_space", "imagePullSecrets", "volumeMounts[1]"):
        line = left(imported(SERVICE), path).line
        assert line is not None
        assert path.rpartition(".")[2].partition("[")[0] in lines[line - 1]


def test_an_argument_that_the_plan_refuses_is_left_out_with_its_words() -> None:
    found = imported(SERVICE.replace("dtype: bfloat16", "dtype: float32"))
    assert "engine" not in models(found)[0]
    assert "not planned yet" in left(found, "engine_kwargs.dtype").what
    assert [each for each in found.to_check if each.severity == "error"] == []


def test_a_model_that_the_catalog_does_not_have_asks_for_what_would_stand_there() -> None:
    found = imported(SERVICE.replace("Qwen/Qwen2.5-7B-Instruct", "acme/chat"))
    (fault,) = [each for each in found.to_check if each.severity == "error"]
    assert (fault.code, fault.path, fault.given) == ("import-model-unknown", "models[0].source", "acme/chat")
    assert "`own`" in (fault.remedy or "")
    assert models(found)[0]["source"] == "acme/chat"


def test_hardware_that_azure_does_not_have_is_left_to_the_plan() -> None:
    found = imported(SERVICE.replace("A100-80G", "L4"))
    assert "pools" not in found.content
    assert "placement" not in models(found)[0]
    assert left(found, "llm_configs[0].accelerator_type").given == "L4"


def test_a_pool_that_the_plan_refuses_is_left_to_it() -> None:
    # 15 heads of attention do not go into 2 parts.
    found = imported(SERVICE.replace("tensor_parallel_size: 2", "tensor_parallel_size: 3"))
    assert "pools" not in found.content
    assert "placement" in left(found, "llm_configs[0].accelerator_type").what
    assert [each for each in found.to_check if each.severity == "error"] == []


def test_a_model_that_does_not_fit_where_it_was_is_left_to_the_plan_and_the_other_stays() -> None:
    found = imported(
        SERVICE.replace("s3://models/Qwen3-0.6B", "s3://m/Qwen3-235B-A22B").replace(
            '"s3://m/Qwen3-235B-A22B"}}', '"s3://m/Qwen3-235B-A22B"}}\n          accelerator_type: H100'
        )
    )
    chat, large = models(found)
    assert chat["placement"] == {"pool": "a100x2", "gpus": 2}
    assert "placement" not in large
    assert found.content["new_pools"] is True
    assert "does not fit" not in [each.what for each in found.to_check]
    assert "the plan refuses it" in left(found, "llm_configs[1].accelerator_type").what
    assert [each for each in found.to_check if each.severity == "error"] == []


def test_a_deployment_is_as_many_replicas_on_the_size_that_it_names() -> None:
    (model,) = models(found := imported(DEPLOYMENT))
    assert (model["source"], model["context_tokens"]) == ("Qwen/Qwen3-32B", 32768)
    assert model["replicas"] == {"min": 3, "max": 3}
    assert model["precision"] == "fp8"
    assert model["placement"] == {"pool": "h100x2", "gpus": 2}
    assert found.content["pools"][0]["sku"] == "Standard_NC80adis_H100_v5"
    assert left(found, "containers[0].image")


def test_a_compose_file_and_an_image_serve_what_they_start() -> None:
    for text, name in ((COMPOSE, "compose.yaml"), (DOCKERFILE, "Dockerfile")):
        (model,) = models(imported(text, name))
        assert (model["name"], model["source"]) == ("qwen3-8b", "Qwen/Qwen3-8B")
        assert (model["context_tokens"], model["replicas"]) == (8192, {"min": 1, "max": 1})


def test_a_list_as_kubectl_prints_it_is_read_entry_by_entry() -> None:
    entries = [*yaml.safe_load_all(SERVICE), *yaml.safe_load_all(DEPLOYMENT)]
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": entries})
    found = imported(text)
    assert [each["name"] for each in models(found)] == ["chat-7b", "small", "qwen3-32b"]
    assert left(found, "items[0].spec.rayClusterConfig.workerGroupSpecs[0].template.spec.imagePullSecrets")
    assert left(found, "items[1]").given == "Secret"
    carried = {each.path: each.what for each in found.carried}
    assert carried["items[2].spec.replicas"] == "models[2].replicas"
    secrets = left(found, "template.spec.imagePullSecrets")
    assert secrets.line is not None
    assert "imagePullSecrets" in text.splitlines()[secrets.line - 1]


def test_a_licence_that_the_source_has_is_allowed_and_told() -> None:
    found = imported(SERVICE.replace("Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"))
    assert "llama3.1" in found.content["governance"]["licences"]
    assert "governance" in [each.path for each in found.to_check]
    assert [each for each in found.to_check if each.severity == "error"] == []


def test_what_nobody_said_has_a_comment() -> None:
    lines = imported(SERVICE).text.splitlines()
    for key in ("region", "storage_account", "network", "name: chat-7b", "name: adapter-1"):
        (line,) = [line for line in lines if key in line and "#" in line]
        assert yaml.safe_load("\n".join(lines))
        assert line.partition(" # ")[2]


@pytest.mark.parametrize(
    "text", ["", "kind: Secret\n", "a: [", "config: {}\n", "services: {web: {image: nginx}}\n"]
)
def test_without_an_engine_there_is_no_environment(text: str) -> None:
    found = imported(text)
    assert (found.content, found.text) == ({}, "")
    assert "import-nothing" in [each.code for each in found.findings]
