from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.serving_manifest import Place, deployable, service_manifest
from inference_stack.engine import check_ray_service
from inference_stack.planner import Plan, plan_environment, service_of
from inference_stack.spec import Finding, InvalidEnvironment, Severity
from serving.image import tag

from .conftest import HERE

Manifests = dict[str, dict[str, Any]]


def faults(manifest: dict[str, Any]) -> list[Finding]:
    """What is wrong with a manifest, advice aside."""
    return [finding for finding in check_ray_service(manifest) if finding.severity is not Severity.NOTE]


def cluster(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest["spec"]["rayClusterConfig"]


def groups(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {group["groupName"]: group for group in cluster(manifest)["workerGroupSpecs"]}


def pod(group: dict[str, Any]) -> dict[str, Any]:
    return group["template"]["spec"]


def arguments(manifest: dict[str, Any]) -> dict[str, Any]:
    (application,) = yaml.safe_load(manifest["spec"]["serveConfigV2"])["applications"]
    return application["args"]


@pytest.fixture
def changed(whole: Plan) -> Callable[..., dict[str, Any]]:
    """The manifest of a model of the plan, with some fields otherwise."""

    def change(name: str, place: Place = HERE, **fields: Any) -> dict[str, Any]:
        (model,) = (model for model in whole.models if model.name == name)
        return service_manifest(whole, service_of(name, [model.model_copy(update=fields)]), place)

    return change


def test_what_is_sent_for_every_kind_of_model_has_no_fault(manifests: Manifests) -> None:
    assert [finding for manifest in manifests.values() for finding in faults(manifest)] == []


def test_what_is_sent_for_the_environments_of_this_repository_has_no_fault(ours: list[Any]) -> None:
    assert ours
    assert [finding for manifest in ours for finding in faults(manifest)] == []


def test_heads_and_workers_of_either_architecture_run_the_image_of_this_code_from_the_mirror(
    manifests: Manifests,
) -> None:
    for manifest in manifests.values():
        for group in (cluster(manifest)["headGroupSpec"], *groups(manifest).values()):
            for container in pod(group)["containers"]:
                assert container["image"] == f"acme.azurecr.io/mirror/inference-serving:{tag('ray')}"
        # KubeRay gives the autoscaler the image of the head where none is named.
        assert "image" not in cluster(manifest)["autoscalerOptions"]


def test_a_disaggregated_model_has_workers_of_its_own_for_each_side_on_one_pool(manifests: Manifests) -> None:
    found = groups(manifests["reasoning"])
    assert set(found) == {"gb-decode", "gb-prefill"}
    for name, group in found.items():
        assert pod(group)["nodeSelector"] == {"inference-stack.io/pool": "gb"}
        assert {resource for resource in group["resources"] if resource.endswith("-worker")} == {
            f"{name}-worker"
        }


def test_each_side_has_as_many_workers_as_the_plan_says(whole: Plan, manifests: Manifests) -> None:
    (model,) = (model for model in whole.models if model.prefill)
    found = groups(manifests[model.name])
    assert model.prefill
    assert found["gb-decode"]["maxReplicas"] == model.replicas_max
    assert found["gb-prefill"]["maxReplicas"] == model.prefill.replicas_max
    sides = arguments(manifests[model.name])
    assert sides["decode_config"]["deployment_config"]["max_ongoing_requests"] == model.concurrency
    assert sides["prefill_config"]["deployment_config"]["max_ongoing_requests"] == model.prefill.concurrency


def test_each_side_has_as_many_gpus_as_the_plan_says(
    changed: Callable[..., dict[str, Any]], whole: Plan
) -> None:
    (model,) = (model for model in whole.models if model.prefill)
    assert model.prefill
    engine = model.prefill.engine | {"tensor_parallel_size": 2}
    prefill = model.prefill.model_copy(update={"units": 2, "tensor_parallel": 2, "engine": engine})
    manifest = changed(model.name, prefill=prefill)
    assert {name: group["resources"]["GPU"] for name, group in groups(manifest).items()} == {
        "gb-decode": "4",
        "gb-prefill": "2",
    }
    sides = arguments(manifest)
    assert sides["prefill_config"]["engine_kwargs"]["tensor_parallel_size"] == 2
    assert sides["decode_config"]["engine_kwargs"]["tensor_parallel_size"] == 4


def test_prefix_routing_is_asked_of_the_deployments_whose_client_is_the_ingress(manifests: Manifests) -> None:
    (copilot,) = arguments(manifests["copilot"])["llm_configs"]
    reasoning = arguments(manifests["reasoning"])
    routed = {
        "copilot": "request_router_config" in copilot["deployment_config"],
        **{
            side: "request_router_config" in reasoning[side]["deployment_config"]
            for side in ("prefill_config", "decode_config")
        },
    }
    assert routed == {"copilot": True, "prefill_config": False, "decode_config": True}


def test_a_balanced_model_is_left_to_rays_own_router(manifests: Manifests) -> None:
    (code,) = arguments(manifests["code"])["llm_configs"]
    assert "request_router_config" not in code["deployment_config"]


@pytest.mark.parametrize(("model", "upgrade"), [("code", "None"), ("copilot", "NewCluster")])
def test_a_service_upgrades_as_its_model_says(manifests: Manifests, model: str, upgrade: str) -> None:
    assert manifests[model]["spec"]["upgradeStrategy"] == {"type": upgrade}


def test_weights_of_ones_own_are_loaded_from_where_they_lie(manifests: Manifests) -> None:
    (config,) = arguments(manifests["house"])["llm_configs"]
    assert config["model_loading_config"] == {
        "model_id": "house",
        "model_source": "abfss://weights@acmeweights.dfs.core.windows.net/house-7b",
    }
    # Ray copies them to the node; streamed, vLLM would take the address for a Hub id.
    assert "load_format" not in config["engine_kwargs"]


def test_weights_of_the_hub_are_loaded_by_their_id(manifests: Manifests) -> None:
    (config,) = arguments(manifests["code"])["llm_configs"]
    assert config["model_loading_config"]["model_source"] == "Qwen/Qwen2.5-Coder-7B-Instruct"


def test_both_sides_of_a_disaggregated_model_load_the_same_adapters(
    changed: Callable[..., dict[str, Any]], whole: Plan
) -> None:
    (model,) = (model for model in whole.models if model.prefill)
    assert model.prefill
    lora = {"enable_lora": True, "max_loras": 2}
    sides = {
        "engine": model.engine | lora,
        "prefill": model.prefill.model_copy(update={"engine": model.prefill.engine | lora}),
    }
    manifest = changed(model.name, adapters=("legal", "hr"), **sides)
    found = arguments(manifest)
    assert found["prefill_config"]["lora_config"] == found["decode_config"]["lora_config"]
    assert faults(manifest) == []


def test_workers_on_a_pool_that_exists_go_by_its_own_label_and_tolerate_its_taints(
    manifests: Manifests,
) -> None:
    workers = pod(groups(manifests["science"])["old"])
    assert workers["nodeSelector"] == {"kubernetes.azure.com/agentpool": "a100"}
    assert {each["key"]: each["value"] for each in workers["tolerations"]} == {
        "nvidia.com/gpu": "present",
        "team": "science",
    }


def test_workers_on_spot_nodes_tolerate_their_taint(manifests: Manifests) -> None:
    tolerated = {each["key"] for each in pod(groups(manifests["customers"])["pairs"])["tolerations"]}
    assert tolerated == {"nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority"}


def test_a_head_stays_on_the_pool_of_heads(manifests: Manifests) -> None:
    for manifest in manifests.values():
        assert pod(cluster(manifest)["headGroupSpec"])["nodeSelector"] == {"inference-stack.io/pool": "heads"}


def test_a_head_in_another_cluster_runs_on_any_node_of_its_architecture(
    changed: Callable[..., dict[str, Any]],
) -> None:
    manifest = changed("science", Place(namespace="inference-prod", service_account="serving"))
    head = pod(cluster(manifest)["headGroupSpec"])
    assert head["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert (manifest["metadata"]["namespace"], head["serviceAccountName"]) == ("inference-prod", "serving")


def test_experts_are_spread_over_all_gpus_of_a_replica(manifests: Manifests) -> None:
    (config,) = arguments(manifests["experts"])["llm_configs"]
    assert config["engine_kwargs"]["enable_expert_parallel"] is True
    assert config["engine_kwargs"]["tensor_parallel_size"] == 8
    assert groups(manifests["experts"])["eights"]["resources"]["GPU"] == "8"


def test_an_image_that_lies_in_no_registry_is_refused_before_anything_is_made(whole: Plan) -> None:
    deployable(whole)
    images = whole.environment.images.model_copy(update={"registry": None})
    environment = whole.environment.model_copy(update={"images": images})
    with pytest.raises(InvalidEnvironment, match=r"images\.serving = inference-serving"):
        deployable(whole.model_copy(update={"environment": environment}))


def scaling(manifest: dict[str, Any]) -> dict[str, Any]:
    (config,) = arguments(manifest)["llm_configs"]
    return config["deployment_config"]["autoscaling_config"]


def test_the_policy_and_what_is_let_in_follow_from_the_plan() -> None:
    settings = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.prod.yaml").read_text())["config"]
    prod = plan_environment(settings["inference-stack:environment"], name="prod", file="Pulumi.prod.yaml")
    for model in (model for model in prod.models if not model.prefill):
        assert model.traffic
        assert model.speed
        manifest = service_manifest(prod, service_of(model.name, prod.models), HERE)
        kwargs = scaling(manifest)["policy"]["policy_kwargs"]
        admission = arguments(manifest)["serving"]["admission"][model.name]
        assert kwargs["kv_tokens"] == admission["kv_tokens"] == model.memory.kv_tokens
        assert kwargs["request_tokens"] == model.traffic.prompt_tokens + model.traffic.output_tokens
        assert kwargs["requests_per_second"] == pytest.approx(model.speed.requests_per_second, rel=0.005)
        assert 0 < kwargs["time_alone"] <= 1
        assert admission["context_tokens"] == model.context_tokens


def test_of_a_model_whose_traffic_nobody_says_ray_counts_requests(
    changed: Callable[..., dict[str, Any]],
) -> None:
    manifest = changed("copilot", traffic=None, speed=None)
    assert "policy" not in scaling(manifest)
    assert "answer_tokens" not in arguments(manifest)["serving"]["admission"]["copilot"]


def test_more_ingress_replicas_share_what_is_let_in_where_more_requests_make_ray_run_them(
    changed: Callable[..., dict[str, Any]],
) -> None:
    few, many = (
        arguments(changed("copilot", concurrency=concurrency, replicas_max=2))["serving"]["admission"]
        for concurrency in (50, 51)
    )
    assert (few["copilot"]["ingress_replicas"], many["copilot"]["ingress_replicas"]) == (1, 2)
