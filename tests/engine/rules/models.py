"""A model that keeps every rule, applications of it, and what is changed in them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

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


def codes(findings: Any) -> set[tuple[str, str]]:
    return {(finding.code, finding.path) for finding in findings}
