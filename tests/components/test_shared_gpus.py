"""Models that share GPUs: one service, one group of workers with a GPU each, parts of it for each replica."""

from typing import Any

import pytest
import yaml

from components.serving_manifest import service_manifest
from inference_stack.engine import check_ray_service
from inference_stack.planner import Plan, plan_environment, services
from inference_stack.spec import InvalidEnvironment, Severity

from .conftest import HERE

ASKED: dict[str, Any] = {
    "region": "swedencentral",
    "storage_account": "acmeweights",
    "images": {"registry": "acme.azurecr.io"},
    "shared_gpus": True,
    "pools": [{"name": "cards", "sku": "Standard_NC40ads_H100_v5", "nodes": {"max": 2}}],
}


def model(name: str, source: str = "Qwen/Qwen3-8B", **more: Any) -> dict[str, Any]:
    return {"name": name, "source": source, "context_tokens": 8192, "replicas": {"max": 1}} | more


def planned(*models: dict[str, Any]) -> Plan:
    return plan_environment({**ASKED, "models": list(models)}, name="shared", file="shared.yaml")


@pytest.fixture(scope="module")
def shared() -> Plan:
    """Two models whose replicas take parts of one GPU."""
    return planned(
        model("copilot", replicas={"min": 1, "max": 1}),
        model("search", "Qwen/Qwen2.5-7B-Instruct", replicas={"min": 0, "max": 1}),
    )


@pytest.fixture(scope="module")
def manifest(shared: Plan) -> dict[str, Any]:
    (service,) = services(shared.models)
    return service_manifest(shared, service, HERE)


def configs(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (application,) = yaml.safe_load(manifest["spec"]["serveConfigV2"])["applications"]
    return {each["model_loading_config"]["model_id"]: each for each in application["args"]["llm_configs"]}


def test_models_that_share_gpus_are_one_service_that_is_called_after_their_pool(
    manifest: dict[str, Any],
) -> None:
    assert manifest["metadata"]["name"] == "cards-shared"
    assert set(configs(manifest)) == {"copilot", "search"}


def test_a_model_with_whole_gpus_on_the_same_pool_is_a_service_of_its_own(shared: Plan) -> None:
    whole = shared.models[0].model_copy(update={"name": "whole", "share": 1.0})
    assert [(each.name, len(each.models)) for each in services([*shared.models, whole])] == [
        ("cards-shared", 2),
        ("whole", 1),
    ]


def test_what_is_sent_for_models_that_share_has_no_fault(manifest: dict[str, Any]) -> None:
    found = [each for each in check_ray_service(manifest) if each.severity is not Severity.NOTE]
    assert found == []


def test_a_worker_has_one_gpu_and_the_replicas_take_parts_of_it(
    shared: Plan, manifest: dict[str, Any]
) -> None:
    (group,) = manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    assert group["resources"]["GPU"] == container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert (group["minReplicas"], group["maxReplicas"]) == (1, 1)
    assert sum(each.share for each in shared.models) <= 1
    for each in shared.models:
        config = configs(manifest)[each.name]
        assert config["placement_group_config"]["bundle_per_worker"]["GPU"] == each.share < 1
        assert config["runtime_env"]["env_vars"]["VLLM_RAY_PER_WORKER_GPUS"] == f"{each.share:g}"


def test_each_has_a_cache_of_fixed_size_so_that_neither_measures_the_other(
    shared: Plan, manifest: dict[str, Any]
) -> None:
    for each in shared.models:
        engine = configs(manifest)[each.name]["engine_kwargs"]
        assert engine["kv_cache_memory_bytes"] == pytest.approx(each.memory.kv_gib * 2**30, rel=1e-3)
    (pool,) = shared.pools
    together = sum(model.memory.usable_gib for model in shared.models)  # weights, cache and all, of both
    assert together < 0.93 * pool.accelerator.memory_gib


def test_a_model_with_a_whole_gpu_measures_its_cache(whole: Plan) -> None:
    assert all("kv_cache_memory_bytes" not in model.engine for model in whole.models)


def test_a_service_has_as_many_workers_as_its_replicas_fill_gpus() -> None:
    plan = planned(*(model(name, replicas={"min": 1, "max": 2}) for name in ("a", "b")))
    (service,) = services(plan.models)
    (group,) = service_manifest(plan, service, HERE)["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    parts = sum(2 * each.share for each in plan.models)
    assert group["maxReplicas"] == plan.pools[0].nodes_used >= parts
    assert group["minReplicas"] >= parts / 2


def test_models_that_share_are_upgraded_as_all_of_them_can_be(shared: Plan) -> None:
    first, second = shared.models
    kept = second.model_copy(update={"upgrade": "None"})
    assert [services(models)[0].upgrade for models in ((first, second), (first, kept))] == [
        "NewCluster",
        "None",
    ]


def test_a_model_that_fits_beside_no_other_is_refused_by_the_plan() -> None:
    four = [model(name, "Qwen/Qwen3-32B") for name in ("a", "b", "c", "d")]
    assert {each.share for each in planned(*four).models} == {0.5}
    with pytest.raises(InvalidEnvironment, match=r"pools\[0\]\.nodes\.max = 2"):
        planned(*four, model("e", "Qwen/Qwen3-32B"))
