"""Rules on models and deployments of Ray Serve: for each a case that breaks it and one that just keeps it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from inference_stack.engine import llm_config_findings, serve_config_findings
from inference_stack.engine.rules.deployment import deployment_rules
from inference_stack.engine.rules.llm_config import llm_config_rules
from inference_stack.engine.rules.serve import serve_rules

Document = dict[str, Any]
Change = Callable[[Document], object]

ADAPTERS = "s3://adapters/copilot"


def model(**changes: Any) -> Document:
    """A model that keeps every rule."""
    config: Document = {
        "model_loading_config": {"model_id": "copilot", "model_source": "Qwen/Qwen2.5-7B-Instruct"},
        "accelerator_type": "H100",
        "engine_kwargs": {"max_num_seqs": 8},
        "deployment_config": {
            "autoscaling_config": {
                "min_replicas": 0,
                "max_replicas": 4,
                "target_ongoing_requests": 6,
                "policy": {"policy_function": "ray.serve.autoscaling_policy:default_autoscaling_policy"},
            },
            "max_ongoing_requests": 8,
            "max_queued_requests": 100,
        },
        "runtime_env": {
            "env_vars": {"RAYLLM_ENGINE_START_TIMEOUT_S": "900", "VLLM_ENGINE_READY_TIMEOUT_S": "900"}
        },
    }
    return config | changes


def engine(**arguments: Any) -> Change:
    return lambda config: config["engine_kwargs"].update(arguments)


def scaling(**options: Any) -> Change:
    return lambda config: config["deployment_config"]["autoscaling_config"].update(options)


def deployed(**options: Any) -> Change:
    return lambda config: config["deployment_config"].update(options)


def fixed(**options: Any) -> Change:
    return lambda config: config.update(deployment_config={"max_queued_requests": 9} | options)


def placed(**group: Any) -> Change:
    return lambda config: config.update(placement_group_config=group)


def variables(**variables: str) -> Change:
    return lambda config: config["runtime_env"]["env_vars"].update(variables)


def said(**keys: Any) -> Change:
    return lambda config: config.update(keys)


def without(*path: str) -> Change:
    def drop(config: Document) -> None:
        for step in path[:-1]:
            config = config[step]
        del config[path[-1]]

    return drop


def both(*changes: Change) -> Change:
    return lambda config: [change(config) for change in changes]


LORA = said(lora_config={"dynamic_lora_loading_path": ADAPTERS})
HALF = placed(bundle_per_worker={"GPU": 0.5})
MULTI = {"kv_connector": "MultiConnector", "kv_role": "kv_both"}
NIXL = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}


def multi(*connectors: Document) -> Change:
    extra = {"connectors": list(connectors)}
    return engine(kv_transfer_config=MULTI | {"kv_connector_extra_config": extra})


MODELS: list[tuple[str, Change, str, Change]] = [
    ("engine-argument-set-by-ray", engine(model="m"), "engine_kwargs.model", engine(tokenizer="m")),
    (
        "engine-argument-set-by-ray",
        engine(distributed_executor_backend="mp"),
        "engine_kwargs.distributed_executor_backend",
        engine(distributed_executor_backend="ray"),
    ),
    (
        "engine-argument-set-by-ray",
        engine(served_model_name="m"),
        "engine_kwargs.served_model_name",
        both(
            without("accelerator_type"),
            said(accelerator_config={"kind": "cpu"}),
            engine(distributed_executor_backend="mp"),
        ),
    ),
    (
        "log-stats-needed",
        engine(disable_log_stats=True),
        "engine_kwargs.disable_log_stats",
        both(engine(disable_log_stats=True), said(log_engine_metrics=False)),
    ),
    (
        "engine-argument-without-effect",
        engine(api_key=["x"]),
        "engine_kwargs.api_key",
        engine(enable_auto_tool_choice=True),
    ),
    (
        "weights-not-streamed",
        both(
            engine(load_format="runai_streamer"),
            said(model_loading_config={"model_id": "m", "model_source": {"bucket_uri": "abfss://w@a/m"}}),
        ),
        "engine_kwargs.load_format",
        both(
            engine(load_format="runai_streamer"),
            said(model_loading_config={"model_id": "m", "model_source": "s3://w/m"}),
        ),
    ),
    ("engine-unknown", said(llm_engine="SGLang"), "llm_engine", said(llm_engine="vLLM")),
    (
        "renamed-key",
        said(experimental_configs={"num_router_replicas": 2}),
        "experimental_configs.num_router_replicas",
        said(experimental_configs={"num_ingress_replicas": 2}),
    ),
    (
        "adapters-not-in-cloud",
        both(engine(enable_lora=True), said(lora_config={"dynamic_lora_loading_path": "/adapters"})),
        "lora_config.dynamic_lora_loading_path",
        both(engine(enable_lora=True), LORA),
    ),
    ("adapters-not-enabled", LORA, "engine_kwargs.enable_lora", both(engine(enable_lora=True), LORA)),
    (
        "kv-connector-unclear",
        engine(kv_transfer_config={"kv_role": "kv_both"}),
        "engine_kwargs.kv_transfer_config.kv_connector",
        engine(kv_transfer_config=NIXL),
    ),
    (
        "kv-connector-unclear",
        multi(),
        "engine_kwargs.kv_transfer_config.kv_connector_extra_config.connectors",
        multi(NIXL),
    ),
    (
        "kv-connector-unclear",
        multi({"kv_connector": "OffloadingConnector"}, MULTI),
        "engine_kwargs.kv_transfer_config.kv_connector_extra_config.connectors[1].kv_connector",
        multi(NIXL, {"kv_connector": "OffloadingConnector"}),
    ),
    (
        "data-parallel-unreserved",
        engine(data_parallel_size=2),
        "engine_kwargs.data_parallel_size",
        engine(data_parallel_size=1),
    ),
    (
        "start-budget-short",
        variables(VLLM_ENGINE_READY_TIMEOUT_S="600"),
        "runtime_env.env_vars.VLLM_ENGINE_READY_TIMEOUT_S",
        variables(VLLM_ENGINE_READY_TIMEOUT_S="901"),
    ),
    (
        "start-budget-short",
        without("runtime_env", "env_vars", "VLLM_ENGINE_READY_TIMEOUT_S"),
        "runtime_env.env_vars.VLLM_ENGINE_READY_TIMEOUT_S",
        without("runtime_env"),
    ),
    (
        "start-budget-unsaid",
        without("runtime_env"),
        "runtime_env.env_vars.VLLM_ENGINE_READY_TIMEOUT_S",
        without("runtime_env", "env_vars", "RAYLLM_ENGINE_START_TIMEOUT_S"),
    ),
    (
        "secret-in-plain",
        variables(HF_TOKEN="hf_x"),  # noqa: S106 - none
        "runtime_env.env_vars.HF_TOKEN",
        variables(HF_TOKEN="$HF_TOKEN", TOKENIZERS_PARALLELISM="false"),  # noqa: S106 - none
    ),
    ("placement-unclear", placed(strategy="PACK"), "placement_group_config", placed(bundles=[{"GPU": 1}])),
    (
        "placement-unclear",
        placed(bundles=[{"GPU": 1}], bundle_per_worker={"GPU": 1}),
        "placement_group_config",
        placed(bundle_per_worker={"GPU": 1}),
    ),
    (
        "bundles-too-few",
        both(engine(tensor_parallel_size=2), placed(bundles=[{"GPU": 1}, {"CPU": 1}])),
        "placement_group_config.bundles",
        both(engine(tensor_parallel_size=2), placed(bundles=[{"GPU": 1}] * 2)),
    ),
    (
        "bundle-of-many-gpus",
        placed(bundle_per_worker={"GPU": 2}),
        "placement_group_config.bundle_per_worker",
        both(engine(pipeline_parallel_size=2), placed(bundle_per_worker={"GPU": 1})),
    ),
    (
        "nested-placement-group",
        deployed(ray_actor_options={"num_gpus": 1}),
        "deployment_config.ray_actor_options.num_gpus",
        deployed(ray_actor_options={"num_gpus": 0, "num_cpus": 2}),
    ),
    (
        "fractional-gpu-unsaid",
        HALF,
        "runtime_env.env_vars.VLLM_RAY_PER_WORKER_GPUS",
        both(HALF, variables(VLLM_RAY_PER_WORKER_GPUS="0.5")),
    ),
    (
        "fractional-gpu-unsaid",
        both(HALF, variables(VLLM_RAY_PER_WORKER_GPUS="0.6")),
        "runtime_env.env_vars.VLLM_RAY_PER_WORKER_GPUS",
        placed(bundle_per_worker={"GPU": 1}),
    ),
    (
        "accelerator-mismatch",
        placed(bundle_per_worker={"CPU": 1}),
        "accelerator_type",
        both(without("accelerator_type"), placed(bundle_per_worker={"CPU": 1})),
    ),
    (
        "accelerator-mismatch",
        said(accelerator_type=None, accelerator_config={"kind": "tpu", "topology": "4x4"}),
        "accelerator_type",
        said(accelerator_type="TPU-V6E", accelerator_config={"kind": "tpu", "topology": "4x4"}),
    ),
    (
        "autoscaling-bounds",
        scaling(min_replicas=5),
        "deployment_config.autoscaling_config.min_replicas",
        scaling(min_replicas=4),
    ),
    (
        "autoscaling-bounds",
        scaling(initial_replicas=5),
        "deployment_config.autoscaling_config.initial_replicas",
        scaling(initial_replicas=4),
    ),
    (
        "replicas-said-twice",
        deployed(num_replicas=2),
        "deployment_config.num_replicas",
        deployed(num_replicas="auto"),
    ),
    (
        "replicas-said-twice",
        fixed(num_replicas="two"),
        "deployment_config.num_replicas",
        fixed(num_replicas=2),
    ),
    (
        "queue-bound",
        deployed(max_queued_requests=0),
        "deployment_config.max_queued_requests",
        deployed(max_queued_requests=-1),
    ),
    (
        "queue-unbounded",
        deployed(max_queued_requests=-1),
        "deployment_config.max_queued_requests",
        deployed(max_queued_requests=1),
    ),
    (
        "look-back-too-short",
        scaling(look_back_period_s=10),
        "deployment_config.autoscaling_config.look_back_period_s",
        scaling(look_back_period_s=10.5),
    ),
    (
        "deprecated-key",
        scaling(smoothing_factor=2),
        "deployment_config.autoscaling_config.smoothing_factor",
        scaling(upscaling_factor=2),
    ),
    (
        "scaling-target-unset",
        both(
            without("deployment_config", "autoscaling_config", "target_ongoing_requests"),
            without("deployment_config", "autoscaling_config", "policy"),
        ),
        "deployment_config.autoscaling_config.target_ongoing_requests",
        without("deployment_config", "autoscaling_config", "target_ongoing_requests"),
    ),
    (
        "scaling-target-unset",
        both(
            without("deployment_config", "autoscaling_config", "policy"),
            scaling(target_ongoing_requests=1_000_000_000),
        ),
        "deployment_config.autoscaling_config.target_ongoing_requests",
        fixed(num_replicas="auto", max_ongoing_requests=8),
    ),
    (
        "request-limit-unset",
        without("deployment_config", "max_ongoing_requests"),
        "deployment_config.max_ongoing_requests",
        deployed(max_ongoing_requests=999_999),
    ),
    (
        "scaling-target-beyond-limit",
        scaling(target_ongoing_requests=9),
        "deployment_config.autoscaling_config.target_ongoing_requests",
        scaling(target_ongoing_requests=8),
    ),
    (
        "scaling-blind-to-tokens",
        without("deployment_config", "autoscaling_config", "policy"),
        "deployment_config.autoscaling_config.policy",
        fixed(num_replicas=4, max_ongoing_requests=8),
    ),
]


def codes(findings: Any) -> set[tuple[str, str]]:
    return {(finding.code, finding.path) for finding in findings}


def test_a_model_that_keeps_every_rule_is_found_without_fault():
    assert llm_config_findings(model()) == []


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), MODELS, ids=[f"{row[0]} {row[2]}" for row in MODELS]
)
def test_a_model_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    broken, kept = model(), model()
    breaks(broken)
    keeps(kept)
    assert (code, path) in codes(llm_config_findings(broken))
    assert code not in {found for found, _ in codes(llm_config_findings(kept))}


def application(*configs: Document, **changes: Any) -> Document:
    found = {
        "name": "llm",
        "route_prefix": "/",
        "import_path": "ray.serve.llm:build_openai_app",
        "args": {"llm_configs": [deepcopy(config) for config in configs or (model(),)]},
    }
    return found | changes


def sided(prefill: Document | None = None, decode: Document | None = None) -> Document:
    handing = {"engine_kwargs": {"kv_transfer_config": NIXL}}
    sides = {"prefill_config": prefill or model(**handing), "decode_config": decode or model(**handing)}
    return application(import_path="ray.serve.llm:build_pd_openai_app", args=sides)


def shared(taken: float, **options: Any) -> Document:
    config = model(engine_kwargs={"gpu_memory_utilization": taken})
    both(HALF, variables(VLLM_RAY_PER_WORKER_GPUS="0.5"), scaling(**options))(config)
    return config


OTHER = {"name": "other", "route_prefix": "/other"}
ARGS = "applications[0].args"

CONFIGS: list[tuple[str, list[Document], str, list[Document]]] = [
    (
        "application-twice",
        [application(), application(route_prefix="/other")],
        "applications[1].name",
        [application(), application(**OTHER)],
    ),
    (
        "application-twice",
        [application(), application(name="other")],
        "applications[1].route_prefix",
        [application(), application(name="other", route_prefix=None)],
    ),
    ("host-in-application", [application(port=8000)], "applications[0].port", [application()]),
    (
        "unknown-builder",
        [application(import_path="ray.serve.llm:build_openai_application")],
        "applications[0].import_path",
        [application(import_path="ours:build_openai_application")],
    ),
    (
        "model-twice",
        [application(model(), model())],
        f"{ARGS}.llm_configs[1].model_loading_config.model_id",
        [application(model(), model(model_loading_config={"model_id": "other"}))],
    ),
    (
        "model-twice",
        [application(args={"llm_configs": []})],
        f"{ARGS}.llm_configs",
        [application(import_path="ours:app", args={"llm_configs": []})],
    ),
    (
        "prefill-without-transfer",
        [sided(prefill=model())],
        f"{ARGS}.prefill_config.engine_kwargs.kv_transfer_config",
        [sided()],
    ),
    (
        "prefill-decode-differ",
        [sided(decode=model(model_loading_config={"model_id": "other"}))],
        f"{ARGS}.prefill_config.model_loading_config.model_id",
        [sided()],
    ),
    (
        "gpu-shared-beyond-memory",
        [application(shared(0.6))],
        f"{ARGS}.llm_configs[0].engine_kwargs.gpu_memory_utilization",
        [application(shared(0.5))],
    ),
    (
        "gpu-shared-beyond-memory",
        [application(shared(0.6)), application(shared(0.4), **OTHER)],
        f"{ARGS}.llm_configs[0].engine_kwargs.gpu_memory_utilization",
        [application(shared(0.6, max_replicas=1))],
    ),
]


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), CONFIGS, ids=[f"{row[0]} {row[2]}" for row in CONFIGS]
)
def test_a_configuration_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    assert (code, path) in codes(serve_config_findings({"applications": breaks}))
    assert code not in {found for found, _ in codes(serve_config_findings({"applications": keeps}))}


def test_every_rule_on_models_and_configurations_has_its_cases():
    tried = {row[0] for row in (*MODELS, *CONFIGS)}
    assert tried == {rule.code for rule in (*llm_config_rules, *deployment_rules, *serve_rules)}


@pytest.mark.parametrize("builder", ["build_pd_openai_app", "build_dp_openai_app"])
def test_an_application_that_reserves_gpus_for_its_ranks_may_have_them(builder):
    ranks = model(engine_kwargs={"data_parallel_size": 2, "kv_transfer_config": NIXL})
    arguments = {
        "build_pd_openai_app": {"prefill_config": ranks, "decode_config": ranks},
        "build_dp_openai_app": {"llm_config": ranks},
    }
    config = {"applications": [application(import_path=f"ray.serve.llm:{builder}", args=arguments[builder])]}
    assert serve_config_findings(config) == []


def test_a_key_that_an_application_with_ranks_does_not_have_is_told():
    arguments = {"llm_config": model(), "llm_configs": []}
    config = {"applications": [application(import_path="ray.serve.llm:build_dp_openai_app", args=arguments)]}
    assert codes(serve_config_findings(config)) == {("unknown-key", f"{ARGS}.llm_configs")}


def test_a_deployment_that_serves_no_model_is_judged_by_the_defaults_of_ray_serve():
    scaled = {"name": "a", "autoscaling_config": {"max_replicas": 2, "target_ongoing_requests": 6}}
    config = {"applications": [{"import_path": "ours:app", "deployments": [scaled]}]}
    assert codes(serve_config_findings(config)) == {
        (
            "scaling-target-beyond-limit",
            "applications[0].deployments[0].autoscaling_config.target_ongoing_requests",
        )
    }


@pytest.mark.parametrize(
    ("key", "successor"),
    [
        ("max_concurrent_queries", "max_ongoing_requests"),
        ("target_num_ongoing_requests_per_replica", "target_ongoing_requests"),
        ("placement_group_bundles", "placement_group_config"),
    ],
)
def test_a_key_that_ray_had_before_is_told_with_what_took_its_place(key, successor):
    config = model()
    config["deployment_config"][key] = 1
    (finding,) = llm_config_findings(config, "models[3]")
    assert (finding.code, finding.path) == ("unknown-key", f"models[3].deployment_config.{key}")
    assert successor in (finding.remedy or "")


def test_each_finding_of_a_rule_says_who_says_so():
    config = model()
    both(LORA, engine(model="m"), deployed(max_queued_requests=0))(config)
    assert all(finding.reference for finding in llm_config_findings(config))


def test_a_text_and_what_it_is_read_as_are_judged_alike():
    config = {"applications": [application(port=1), application(model(), model())]}
    assert serve_config_findings(yaml.safe_dump(config), "a") == serve_config_findings(config, "a") != []


@pytest.mark.parametrize(
    "text", ["- 1", "applications: 1", "applications: [1, [], {args: 1}]", "1", "", "a: !x 1", "? 1\n: 2"]
)
def test_a_text_that_is_no_configuration_is_told_and_not_a_crash(text):
    assert serve_config_findings(text)


def test_aliases_that_hold_themselves_are_told_and_not_a_crash():
    assert serve_config_findings(
        "applications: &a [{args: *a, import_path: 'ray.serve.llm:build_openai_app'}]"
    )


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, float("nan"), [[]], {"GPU": {}}, 10**400])
@pytest.mark.parametrize(
    "key", [*sorted(model()), "placement_group_config", "lora_config", "accelerator_config"]
)
def test_a_model_with_anything_anywhere_is_no_crash(key, value):
    llm_config_findings(model(**{key: value}))
    for inner in model().get(key) or {}:
        changed = model()
        if isinstance(changed[key], dict):
            changed[key][inner] = value
            llm_config_findings(changed)


def test_more_workers_than_memory_holds_bundles_for_are_a_finding_and_no_crash() -> None:
    config = model(engine_kwargs={"tensor_parallel_size": 10**12})
    assert "engine_kwargs.tensor_parallel_size" in [each.path for each in llm_config_findings(config)]
