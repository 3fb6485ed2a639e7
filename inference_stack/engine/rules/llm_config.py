"""What Ray Serve LLM refuses or ignores in the configuration of one model."""

from collections.abc import Iterator, Mapping

from inference_stack.engine.document import at, mapping, mappings, number
from inference_stack.engine.schema import joined
from inference_stack.spec import Severity

from .deployment import LLM
from .model_use import ModelUse
from .placement import placement_rules
from .rule import Fault, Rule, rule
from .secrets import secret_names

CONFIG = f"{LLM}/core/configs/llm_config.py"
ENGINE = f"{LLM}/engines/vllm/vllm_models.py"

SET_BY_RAY = {
    "model": "model_loading_config.model_source",
    "served_model_name": "model_loading_config.model_id",
}
"""Engine arguments that Ray Serve LLM refuses in engine_kwargs, and where it takes them from instead."""

STREAMED = ("runai_streamer", "runai_streamer_sharded", "tensorizer")
"""Values of load_format for which Ray leaves the weights where they are, and lets vLLM read them there."""

CLOUDS = ("s3://", "gs://", "abfss://", "azure://")
"""Where Ray Serve LLM finds adapters."""

HTTP_SERVER = frozenset(
    (
        *("host", "port", "uds", "root_path", "uvicorn_log_level", "disable_uvicorn_access_log"),
        *(
            "ssl_keyfile",
            "ssl_certfile",
            "ssl_ca_certs",
            "ssl_cert_reqs",
            "ssl_ciphers",
            "enable_ssl_refresh",
        ),
        *("allow_credentials", "allowed_origins", "allowed_methods", "allowed_headers", "api_key"),
        *("middleware", "disable_fastapi_docs", "enable_offline_docs", "enable_request_id_headers"),
        *("disable_access_log_for_endpoints", "data_parallel_supervisor_port"),
    )
)
"""Arguments of vLLM's own HTTP server, which Ray does not start: its ingress answers instead."""

RAY_BUDGET, VLLM_BUDGET = "RAYLLM_ENGINE_START_TIMEOUT_S", "VLLM_ENGINE_READY_TIMEOUT_S"
DEFAULT_BUDGETS_S = {RAY_BUDGET: 3600, VLLM_BUDGET: 600}
"""How long Ray and vLLM wait for an engine to start where nobody says, seconds."""


@rule(
    "engine-argument-set-by-ray",
    Severity.ERROR,
    states="engine_kwargs hold nothing that Ray Serve LLM sets itself.",
    reference=f"{ENGINE}: VLLMEngineConfig.get_initialization_kwargs",
)
def _set_by_ray(use: ModelUse) -> Iterator[Fault]:
    for name, value in use.engine.items():
        if name == "distributed_executor_backend" and value != "ray" and use.kind != "cpu":
            yield Fault(
                path=joined("engine_kwargs", name),
                given=str(value),
                what="Ray Serve LLM takes no executor but its own on GPUs",
                remedy="leave it out",
            )
        elif name in SET_BY_RAY:
            yield Fault(
                path=joined("engine_kwargs", name),
                given=str(value),
                what="Ray Serve LLM refuses this argument here",
                remedy=f"set {SET_BY_RAY[name]}",
            )


@rule(
    "log-stats-needed",
    Severity.ERROR,
    states="The engine counts what it does while Ray exports the counts.",
    reference=f"{CONFIG}: LLMConfig._check_log_stats_with_metrics",
)
def _log_stats_needed(use: ModelUse) -> Iterator[Fault]:
    if use.engine.get("disable_log_stats") and use.config.get("log_engine_metrics", True):
        yield Fault(
            path="engine_kwargs.disable_log_stats",
            given=str(use.engine["disable_log_stats"]),
            what="Ray Serve LLM exports these counts and refuses to go without",
            remedy="leave it out, or set log_engine_metrics to false",
        )


@rule(
    "engine-argument-without-effect",
    Severity.WARNING,
    states="engine_kwargs hold nothing that is for vLLM's own HTTP server.",
    reference=f"{LLM}/engines/vllm/vllm_engine.py: build_asgi_app, of direct streaming alone",
)
def _without_effect(use: ModelUse) -> Iterator[Fault]:
    for name in sorted(HTTP_SERVER & use.engine.keys()):
        key = name == "api_key"
        yield Fault(
            path=joined("engine_kwargs", name),
            given=None if key else str(use.engine[name]),
            what="Ray Serve answers HTTP itself, and does not read this"
            + (": everyone may ask, with any key or none" if key else ""),
            remedy="keep strangers out before they reach the service" if key else "leave it out",
        )


@rule(
    "weights-not-streamed",
    Severity.ERROR,
    states="Weights are streamed from where vLLM can stream them.",
    reference="vllm 0.29.0, vllm/transformers_utils/runai_utils.py: SUPPORTED_SCHEMES",
)
def _weights_not_streamed(use: ModelUse) -> Iterator[Fault]:
    load_format = use.engine.get("load_format")
    if load_format in STREAMED and use.source.startswith(("abfss://", "azure://")):
        yield Fault(
            path="engine_kwargs.load_format",
            given=str(load_format),
            what=f"vLLM streams no weights from {use.source}: it takes the address for a Hub id",
            remedy="leave it out: Ray copies the weights to the node first",
        )


@rule(
    "engine-unknown",
    Severity.ERROR,
    states="The engine is one that Ray Serve LLM has.",
    reference=f"{CONFIG}: LLMEngine",
)
def _engine_unknown(use: ModelUse) -> Iterator[Fault]:
    given = use.config.get("llm_engine", "vLLM")
    if isinstance(given, str) and given != "vLLM":
        yield Fault(path="llm_engine", given=given, what="Ray Serve LLM has no such engine", allowed="vLLM")


@rule(
    "renamed-key",
    Severity.ERROR,
    states="No key has the name that it had before.",
    reference=f"{CONFIG}: LLMConfig.validate_experimental_configs",
)
def _renamed_key(use: ModelUse) -> Iterator[Fault]:
    experimental = mapping(use.config, "experimental_configs")
    if "num_router_replicas" in experimental:
        yield Fault(
            path="experimental_configs.num_router_replicas",
            given=str(experimental["num_router_replicas"]),
            what="Ray Serve LLM refuses the name that this had before",
            allowed="num_ingress_replicas",
        )


@rule(
    "adapters-not-in-cloud",
    Severity.ERROR,
    states="Adapters are found in a cloud's storage.",
    reference=f"{CONFIG}: LoraConfig.validate_dynamic_lora_loading_path",
)
def _adapters_not_in_cloud(use: ModelUse) -> Iterator[Fault]:
    path = at(use.config, "lora_config", "dynamic_lora_loading_path")
    if isinstance(path, str) and not path.startswith(CLOUDS):
        yield Fault(
            path="lora_config.dynamic_lora_loading_path",
            given=path,
            what="Ray Serve LLM loads no adapters from there",
            allowed=" or ".join(CLOUDS),
        )


@rule(
    "adapters-not-enabled",
    Severity.ERROR,
    states="An engine that is to load adapters expects them.",
    reference="vllm 0.29.0, vllm/lora: a request for an adapter needs enable_lora",
)
def _adapters_not_enabled(use: ModelUse) -> Iterator[Fault]:
    path = at(use.config, "lora_config", "dynamic_lora_loading_path")
    if path and use.engine.get("enable_lora") is not True:
        yield Fault(
            path="engine_kwargs.enable_lora",
            given=None if "enable_lora" not in use.engine else str(use.engine["enable_lora"]),
            what="adapters are to be loaded, and the engine is not told to make room for them: every request "
            "for one fails",
            allowed="true",
        )


@rule(
    "kv-connector-unclear",
    Severity.ERROR,
    states="Whoever hands a KV cache over says by what.",
    reference=f"{CONFIG}: LLMConfig._setup_kv_connector_backend; {LLM}/engines/vllm/kv_transfer/"
    "multi_connector.py",
)
def _kv_connector_unclear(use: ModelUse) -> Iterator[Fault]:
    transfer = mapping(use.engine, "kv_transfer_config")
    path = "engine_kwargs.kv_transfer_config"
    if not transfer:
        return
    connector = transfer.get("kv_connector")
    if not connector:
        yield Fault(path=f"{path}.kv_connector", what="Ray Serve LLM refuses a transfer without it")
    if connector != "MultiConnector":
        return
    path = f"{path}.kv_connector_extra_config.connectors"
    parts = [part for _, part in mappings(transfer, "kv_connector_extra_config", "connectors")]
    if not parts:
        yield Fault(path=path, what="Ray Serve LLM needs a connector that MultiConnector is made of")
    for index, part in enumerate(parts):
        if part.get("kv_connector") in (None, "MultiConnector"):
            yield Fault(
                path=f"{path}[{index}].kv_connector",
                given=part.get("kv_connector"),
                what="Ray Serve LLM needs a connector here, and one that is not made of others",
            )


@rule(
    "data-parallel-unreserved",
    Severity.ERROR,
    states="An application with data parallel ranks reserves GPUs for each of them.",
    reference=f"{LLM}/serving_patterns/data_parallel/builder.py; kuberay#4366",
)
def _data_parallel_unreserved(use: ModelUse) -> Iterator[Fault]:
    ranks = number(use.engine.get("data_parallel_size"))
    if ranks and ranks > 1 and not use.reserves_ranks and not use.config.get("server_cls"):
        yield Fault(
            path="engine_kwargs.data_parallel_size",
            given=f"{ranks:g}",
            what=f"this application reserves what one rank needs, {use.workers} GPU"
            f"{'s' * (use.workers > 1)} for a replica: the others find none",
            allowed="1, with more replicas; or ray.serve.llm:build_dp_openai_app",
        )


@rule(
    "start-budget-short",
    Severity.WARNING,
    states="vLLM gives an engine as long to start as Ray does.",
    reference="vllm 0.29.0, vllm/v1/engine/core_client.py: VLLM_ENGINE_READY_TIMEOUT_S",
)
def _start_budget_short(use: ModelUse) -> Iterator[Fault]:
    if not use.environment.keys() & DEFAULT_BUDGETS_S.keys():
        return
    ray, vllm = (_seconds(use.environment, name) for name in (RAY_BUDGET, VLLM_BUDGET))
    if ray is not None and vllm is not None and vllm < ray:
        yield Fault(
            path=f"runtime_env.env_vars.{VLLM_BUDGET}",
            given=f"{vllm:g}" if VLLM_BUDGET in use.environment else None,
            what=f"vLLM gives up after {vllm:g} s, and Ray would wait {ray:g} s for the engine",
            allowed=f'"{ray:g}"',
        )


@rule(
    "start-budget-unsaid",
    Severity.NOTE,
    states="Somebody has said how long an engine may take to start.",
    reference="vllm 0.29.0, vllm/envs.py: VLLM_ENGINE_READY_TIMEOUT_S",
)
def _start_budget_unsaid(use: ModelUse) -> Iterator[Fault]:
    if not use.environment.keys() & DEFAULT_BUDGETS_S.keys():
        yield Fault(
            path=f"runtime_env.env_vars.{VLLM_BUDGET}",
            what=f"vLLM gives up after {DEFAULT_BUDGETS_S[VLLM_BUDGET]} s where nobody says otherwise, and "
            "the weights of a large model take longer over a network",
            remedy=f"set it, and {RAY_BUDGET}, to what a cold start takes",
        )


def _seconds(environment: Mapping[str, object], name: str) -> float | None:
    try:
        return float(str(environment.get(name, DEFAULT_BUDGETS_S[name])))
    except ValueError:
        return None


@rule(
    "secret-in-plain",
    Severity.WARNING,
    states="No secret stands in a configuration.",
    reference="ray 2.60.0 shows runtime_env in its dashboard and logs",
)
def _secret_in_plain(use: ModelUse) -> Iterator[Fault]:
    for name in secret_names(use.environment):
        yield Fault(
            path=f"runtime_env.env_vars.{name}",
            what="everyone who may read the service or Ray's dashboard can read it",
            remedy="put it into a Secret, and into the pods' env by valueFrom.secretKeyRef",
        )


llm_config_rules: tuple[Rule[ModelUse], ...] = (
    _set_by_ray,
    _log_stats_needed,
    _without_effect,
    _weights_not_streamed,
    _engine_unknown,
    _renamed_key,
    _adapters_not_in_cloud,
    _adapters_not_enabled,
    _kv_connector_unclear,
    _data_parallel_unreserved,
    _start_budget_short,
    _start_budget_unsaid,
    _secret_in_plain,
    *placement_rules,
)
