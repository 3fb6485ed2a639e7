from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from inference_stack.engine import Adapters, disaggregated_config, serve_config
from inference_stack.engine.applications import (
    PD_APP,
    AutoscalingConfig,
    DeploymentConfig,
    LLMConfig,
    RayActorOptions,
    builder_of,
)


def emitted(*models: Any) -> dict[str, Any]:
    return yaml.safe_load(serve_config(models).to_yaml())["applications"][0]["args"]


def only_model(*models: Any) -> dict[str, Any]:
    return emitted(*models)["llm_configs"][0]


def test_every_deployment_is_given_the_requests_at_which_it_scales(served):
    deployment = only_model(served(concurrency=10))["deployment_config"]
    assert deployment["autoscaling_config"]["target_ongoing_requests"] == 8
    assert deployment["max_ongoing_requests"] == 10


def test_a_replica_that_takes_one_request_still_scales(served):
    deployment = only_model(served(concurrency=1))["deployment_config"]
    assert deployment["autoscaling_config"]["target_ongoing_requests"] == 1


def test_a_deployment_without_the_requests_at_which_it_scales_cannot_be_built():
    with pytest.raises(ValidationError, match="target_ongoing_requests"):
        AutoscalingConfig.model_validate({"min_replicas": 0, "max_replicas": 1})
    whole = DeploymentConfig(
        autoscaling_config=AutoscalingConfig(min_replicas=0, max_replicas=1, target_ongoing_requests=1),
        max_ongoing_requests=1,
        ray_actor_options=RayActorOptions(num_cpus=0),
    ).model_dump()
    del whole["max_ongoing_requests"]
    with pytest.raises(ValidationError, match="max_ongoing_requests"):
        DeploymentConfig.model_validate(whole)


def test_a_model_scales_to_zero(served):
    assert only_model(served())["deployment_config"]["autoscaling_config"]["min_replicas"] == 0


def test_the_ingress_runs_on_the_head_and_takes_no_cpu_of_a_worker(served):
    actor = emitted(served())["ingress_deployment_config"]["ray_actor_options"]
    assert actor == {"num_cpus": 0, "resources": {"node:__internal_head__": 0.001}}


def test_tensor_parallel_follows_from_the_units_of_a_replica(served):
    assert only_model(served(units=2))["engine_kwargs"]["tensor_parallel_size"] == 2


def test_a_tensor_parallel_size_that_leaves_units_idle_is_refused(served):
    with pytest.raises(ValidationError, match="is 1 in 1 stages, and a replica has 2 units"):
        served(units=2, engine={"tensor_parallel_size": 1})


def test_more_replicas_at_rest_than_at_peak_are_refused(served):
    with pytest.raises(ValidationError, match="replicas_min 5 is above replicas_max 4"):
        served(replicas_min=5)


def test_a_model_with_adapters_is_told_to_load_them(served):
    model = only_model(served())
    assert model["engine_kwargs"]["enable_lora"] is True
    assert model["lora_config"] == {
        "dynamic_lora_loading_path": "abfss://adapters@acct.dfs.core.windows.net/copilot",
        "max_num_adapters_per_replica": 2,
    }


def test_a_model_without_adapters_is_not(served):
    model = only_model(served(adapters=None))
    assert "enable_lora" not in model["engine_kwargs"]
    assert "lora_config" not in model


def test_adapters_on_a_local_path_are_refused(served):
    with pytest.raises(ValidationError, match="dynamic_lora_loading_path"):
        serve_config([served(adapters=Adapters(path="/adapters", count=1))])


@pytest.mark.parametrize("group", ["slices", "gpu", "bigmig"])
def test_a_model_asks_for_the_workers_of_its_group_by_a_name_that_is_no_gpu_to_kuberay(served, group):
    asked = only_model(served(group=group))["placement_group_config"]["bundle_per_worker"]
    (worker,) = set(asked) - {"GPU"}
    assert worker.startswith(group)
    assert not worker.endswith("gpu")


def test_a_replica_asks_for_no_cpu_since_workers_offer_none(served):
    assert only_model(served())["deployment_config"]["ray_actor_options"] == {"num_cpus": 0, "resources": {}}


def test_a_replica_stays_in_one_pod(served):
    assert only_model(served())["placement_group_config"]["strategy"] == "STRICT_PACK"


def test_a_part_of_a_gpu_is_said_to_ray_and_to_vllm(served):
    model = only_model(served(share=0.25))
    assert model["placement_group_config"]["bundle_per_worker"]["GPU"] == 0.25
    assert model["runtime_env"]["env_vars"]["VLLM_RAY_PER_WORKER_GPUS"] == "0.25"


def test_of_a_whole_gpu_vllm_is_told_nothing(served):
    model = only_model(served())
    assert model["placement_group_config"]["bundle_per_worker"]["GPU"] == 1
    assert "VLLM_RAY_PER_WORKER_GPUS" not in model["runtime_env"]["env_vars"]


def test_a_part_of_each_of_two_gpus_is_refused(served):
    with pytest.raises(ValidationError, match="a replica of 2 units cannot have a part of each"):
        served(units=2, share=0.5)


def start_budget(model):
    given = only_model(model)["runtime_env"]["env_vars"]
    assert given["VLLM_ENGINE_READY_TIMEOUT_S"] == given["RAYLLM_ENGINE_START_TIMEOUT_S"]
    return given["VLLM_ENGINE_READY_TIMEOUT_S"]


def test_ray_and_vllm_wait_for_a_model_as_long_as_the_plan_says(served):
    assert start_budget(served(start_budget_s=1260)) == "1260"


def test_a_model_without_a_plan_has_an_hour_to_load(served):
    assert start_budget(served()) == "3600"


def test_the_same_models_give_the_same_text_whatever_the_order_of_their_arguments(served):
    one = serve_config([served(engine={"max_model_len": 1, "seed": 2})]).to_yaml()
    other = serve_config([served(engine={"seed": 2, "max_model_len": 1})]).to_yaml()
    assert one == other


def test_two_models_share_one_application(served):
    models = emitted(served(), served(name="chat"))["llm_configs"]
    assert [model["model_loading_config"]["model_id"] for model in models] == ["copilot", "chat"]


def test_a_field_that_ray_does_not_have_cannot_be_set():
    with pytest.raises(ValidationError, match="tensor_parallel"):
        LLMConfig.model_validate({"tensor_parallel": 2})


def test_requests_go_where_most_of_their_prompt_was_read_before_unless_that_is_far_busier(served):
    router = only_model(served(routing="prefix", concurrency=12))["deployment_config"][
        "request_router_config"
    ]
    assert router == {
        "request_router_class": "ray.serve.llm.request_router.PrefixCacheAffinityRouter",
        "request_router_kwargs": {"imbalanced_threshold": 6, "do_eviction": True},
    }


def test_requests_go_to_the_less_busy_of_two_replicas_where_nothing_else_is_asked(served):
    assert "request_router_config" not in only_model(served())["deployment_config"]


@pytest.fixture
def apart(served) -> dict[str, Any]:
    """The arguments of a model that reads on one group and writes on another."""
    prefill = served(group="gb200-prefill", units=4, replicas_max=2, concurrency=4)
    decode = served(group="gb200-decode", units=2, replicas_min=1, replicas_max=6, concurrency=40)
    config = yaml.safe_load(disaggregated_config(prefill, decode).to_yaml())
    (application,) = config["applications"]
    assert builder_of(application) == PD_APP
    return application["args"]


@pytest.mark.parametrize(
    ("side", "role"), [("prefill_config", "kv_producer"), ("decode_config", "kv_consumer")]
)
def test_one_side_of_a_disaggregated_model_hands_its_kv_cache_to_the_other(apart, side, role):
    assert apart[side]["engine_kwargs"]["kv_transfer_config"] == {
        "kv_connector": "NixlConnector",
        "kv_role": role,
    }
    assert apart[side]["model_loading_config"]["model_id"] == "copilot"


def test_each_side_runs_on_its_own_workers_and_scales_by_its_own_load(apart):
    asked = {
        side: (
            set(apart[side]["placement_group_config"]["bundle_per_worker"]) - {"GPU"},
            apart[side]["engine_kwargs"]["tensor_parallel_size"],
            apart[side]["deployment_config"]["autoscaling_config"],
        )
        for side in ("prefill_config", "decode_config")
    }
    assert asked == {
        "prefill_config": (
            {"gb200-prefill-worker"},
            4,
            {"min_replicas": 0, "max_replicas": 2, "target_ongoing_requests": 3},
        ),
        "decode_config": (
            {"gb200-decode-worker"},
            2,
            {"min_replicas": 1, "max_replicas": 6, "target_ongoing_requests": 32},
        ),
    }


def test_the_ingress_of_a_disaggregated_model_is_on_the_head_too(apart, served):
    assert apart["ingress_deployment_config"] == emitted(served())["ingress_deployment_config"]


def test_a_model_that_is_not_disaggregated_hands_over_no_kv_cache(served):
    assert "kv_transfer_config" not in only_model(served())["engine_kwargs"]


def test_our_policy_decides_where_the_plan_has_settings_for_it_with_short_delays_around_it(served):
    scaling = only_model(served(autoscaling={"concurrency": 8}))["deployment_config"]["autoscaling_config"]
    assert scaling["policy"] == {
        "policy_function": "serving.autoscaling:LLMAutoscaling",
        "policy_kwargs": {"concurrency": 8},
    }
    assert (scaling["upscale_delay_s"], scaling["downscale_delay_s"]) == (10, 30)


def test_where_the_plan_has_no_settings_ray_decides_with_its_own_delays(served):
    scaling = only_model(served())["deployment_config"]["autoscaling_config"]
    assert set(scaling) == {"min_replicas", "max_replicas", "target_ongoing_requests"}


def test_no_more_wait_at_a_caller_than_all_replicas_work_on(served):
    assert only_model(served(concurrency=8, replicas_max=4))["deployment_config"]["max_queued_requests"] == 32


def test_what_is_let_in_is_told_by_model(served):
    first, second = served(admission={"context_tokens": 8192}), served(name="other")
    assert emitted(first, second)["serving"] == {"admission": {"copilot": {"context_tokens": 8192}}}
