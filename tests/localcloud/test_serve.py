import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from inference_stack.catalog import CATALOG
from inference_stack.spec import InvalidEnvironment
from localcloud.serve import LocalService, served, service_of
from localcloud.serve_ray import RayNode, ServeError, failures
from localcloud.sim_gpu.hub import LAST_WRITTEN, NoSmallModelError, provide, snapshot

PROJECT = Path(__file__).parents[2]
QWEN = "Qwen/Qwen2.5-7B-Instruct"
QUIET = Console(quiet=True)
RAYS = "ray.serve.llm:build_openai_app"


@pytest.fixture(scope="module")
def copilot() -> LocalService:
    return service_of(PROJECT / "Pulumi.dev.yaml", "dev", None)


def test_the_first_model_is_served_as_the_components_emit_it(copilot: LocalService) -> None:
    assert (copilot.model, copilot.source) == ("copilot", QWEN)
    (application,) = copilot.serve_config["applications"]
    (model,) = application["args"]["llm_configs"]
    assert model["model_loading_config"] == {"model_id": "copilot", "model_source": QWEN}
    assert model["accelerator_type"] == "H100"


def test_another_builder_changes_nothing_else(copilot: LocalService) -> None:
    (before,), (after,) = (each.serve_config["applications"] for each in (copilot, copilot.built_by(RAYS)))
    assert after["import_path"] == RAYS != before["import_path"]
    assert {**after, "import_path": before["import_path"]} == before


def test_the_node_offers_what_head_and_workers_would(copilot: LocalService) -> None:
    assert copilot.node == RayNode(
        cpus=1, gpus=2, resources={"accelerator_type:H100": 2.0, "slices-worker": 2.0}
    )


def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ServeError, match=r"has no model pilot\.\n  allowed: copilot"):
        service_of(PROJECT / "Pulumi.dev.yaml", "dev", "pilot")


def test_a_faulty_environment_is_told_as_ever(tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("config:\n  inference-stack:environment:\n    region: nowhere\n")
    with pytest.raises(InvalidEnvironment, match="region"):
        service_of(settings, "dev", None)


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ({"kv_cache_dtype": "fp8"}, "copilot: kv_cache_dtype = fp8: a simulated GPU keeps the KV cache"),
        ({"quantization": "awq"}, "copilot: quantization = awq: a simulated GPU multiplies unquantized"),
        ({"speculative_config": {"method": "eagle"}}, r"copilot: speculative_config\.method = eagle"),
    ],
)
def test_what_no_simulated_gpu_takes_is_refused_before_anything_starts(
    copilot: LocalService, tmp_path: Path, engine: dict[str, Any], told: str
) -> None:
    config = copy.deepcopy(dict(copilot.serve_config))
    config["applications"][0]["args"]["llm_configs"][0]["engine_kwargs"] |= engine
    with (
        pytest.raises(ServeError, match=told),
        served(replace(copilot, serve_config=config), tmp_path, QUIET),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_made_already_is_not_made_again(tmp_path: Path) -> None:
    row = CATALOG.models[QWEN]
    made = snapshot(QWEN, row, tmp_path) / LAST_WRITTEN
    made.write_text("as it was")
    provide(QWEN, tmp_path)
    assert made.read_text() == "as it was"
    assert made.parent.name == (tmp_path / "models--Qwen--Qwen2.5-7B-Instruct/refs/main").read_text()


def test_a_model_of_another_architecture_is_another_revision(tmp_path: Path) -> None:
    one, other = (snapshot(QWEN, CATALOG.models[id_], tmp_path) for id_ in (QWEN, "Qwen/Qwen3-8B"))
    assert one != other


def test_a_model_that_the_catalog_has_not_cannot_be_made_small(tmp_path: Path) -> None:
    with pytest.raises(NoSmallModelError, match="nobody/nothing is not in the catalog"):
        provide("nobody/nothing", tmp_path)


@pytest.mark.parametrize(
    ("application", "deployment", "told"),
    [
        ("RUNNING", "HEALTHY", []),
        ("DEPLOYING", "UPSCALING", []),
        ("DEPLOY_FAILED", "HEALTHY", ["of the application"]),
        ("UNHEALTHY", "UNHEALTHY", ["of the application", "of its replicas"]),
    ],
)
def test_what_has_failed_is_told_and_what_is_under_way_is_not(
    application: str, deployment: str, told: list[str]
) -> None:
    replicas = {"LLMServer:copilot": {"status": deployment, "message": "of its replicas"}}
    answer = {"status": application, "message": "of the application", "deployments": replicas}
    assert failures({"copilot": answer}) == told
