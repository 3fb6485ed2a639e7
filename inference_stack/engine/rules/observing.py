"""Traces, profiles, guided output and what is returned beside tokens."""

import re
from collections.abc import Iterator

from inference_stack.spec import Severity

from .compilation import graphs_off
from .parallelism import size
from .reading import flag, given, settings, text
from .rule import EngineUse, Fault, rule

VERSION = re.compile(
    r"\s*v?(\d+!)?\d+(\.\d+)*((a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)?[-_.]?\d*)*(\+.*)?\s*", re.I
)
"""A version as packaging reads it."""
PROTON = (
    ("proton_profiler_dir", ""),
    ("proton_context", "shadow"),
    ("proton_data", "tree"),
    ("proton_backend", None),
    ("proton_mode", None),
    ("proton_hook", None),
    ("proton_output_format", None),
)
"""Fields of profiler_config that only Proton has, with their defaults."""


@rule(
    "traces-without-endpoint",
    Severity.ERROR,
    states="Detailed traces go somewhere: otlp_traces_endpoint is set.",
    reference="vLLM 0.29.0: vllm/config/observability.py, _validate_tracing_config",
)
def traces_without_endpoint(use: EngineUse) -> Iterator[Fault]:
    """Traces that go nowhere."""
    if given(use, "collect_detailed_traces") and not given(use, "otlp_traces_endpoint"):
        yield Fault("collect_detailed_traces", "otlp_traces_endpoint is not set", remedy="set it")


@rule(
    "hidden-metrics-version",
    Severity.ERROR,
    states="show_hidden_metrics_for_version is a version.",
    reference="vLLM 0.29.0: vllm/config/observability.py, _validate_show_hidden_metrics_for_version",
)
def hidden_metrics_version(use: EngineUse) -> Iterator[Fault]:
    """Text that is no version."""
    stated = text(use, "show_hidden_metrics_for_version")
    if stated is not None and not VERSION.fullmatch(stated):
        yield Fault("show_hidden_metrics_for_version", "no version", given=stated, allowed="0.28")


@rule(
    "profiler-settings",
    Severity.ERROR,
    states="profiler_config has the folder of its profiler, and no settings of another.",
    reference="vLLM 0.29.0: vllm/config/profiler.py, ProfilerConfig",
)
def profiler_settings(use: EngineUse) -> Iterator[Fault]:
    """Profiles without a folder, or with another profiler's settings."""
    config, path = settings(use, "profiler_config"), "profiler_config"
    profiler = config.get("profiler")
    for name in ("torch", "proton"):
        folder = config.get(f"{name}_profiler_dir")
        if profiler == name and not folder:
            yield Fault(f"{path}.{name}_profiler_dir", "nowhere to write profiles", remedy="set it")
    for name in ("torch_profiler_dir", "capture_torch_profiler"):
        if config.get(name) and profiler != "torch":
            yield Fault(f"{path}.{name}", "profiler is not torch", remedy="leave it out")
    for name, default in PROTON:
        if config.get(name, default) != default and profiler != "proton":
            yield Fault(f"{path}.{name}", "profiler is not proton", remedy="leave it out")
    if profiler == "proton" and "://" in str(config.get("proton_profiler_dir")):
        yield Fault(f"{path}.proton_profiler_dir", "Proton writes to a local folder only")
    if profiler == "proton" and not graphs_off(use):
        yield Fault(
            f"{path}.profiler",
            "Proton cannot look into CUDA graphs",
            given="proton",
            remedy="set enforce_eager",
        )
    kind, data = config.get("proton_output_format"), config.get("proton_data", "tree")
    wanted = {"chrome_trace": "trace", "hatchet": "tree", "hatchet_msgpack": "tree"}.get(str(kind))
    if profiler == "proton" and wanted and data != wanted:
        yield Fault(
            f"{path}.proton_output_format",
            f"proton_data is {data}",
            given=str(kind),
            remedy=f"proton_data: {wanted}",
        )


@rule(
    "structured-output-backend",
    Severity.ERROR,
    states="Whitespace and further properties are forbidden only by backends that can.",
    reference="vLLM 0.29.0: vllm/config/structured_outputs.py",
)
def structured_outputs(use: EngineUse) -> Iterator[Fault]:
    """Settings that the backend of guided output does not have."""
    config = settings(use, "structured_outputs_config")
    backend, path = config.get("backend", "auto"), "structured_outputs_config"
    if config.get("disable_any_whitespace") and backend not in ("xgrammar", "guidance"):
        yield Fault(
            f"{path}.disable_any_whitespace",
            f"backend {backend} cannot",
            remedy="backend: xgrammar or guidance",
        )
    if config.get("disable_additional_properties") and backend != "guidance":
        yield Fault(
            f"{path}.disable_additional_properties", f"backend {backend} cannot", remedy="backend: guidance"
        )


@rule(
    "sampling-replay",
    Severity.ERROR,
    states="Sampling masks are returned with processed logprobs and without logits processors of one's own.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, _verify_sampling_replay_config, _verify_trace_replay_config",
)
def sampling_replay(use: EngineUse) -> Iterator[Fault]:
    """Replay with what it cannot be with: what its model runner lacks."""
    wanted = [name for name in ("return_sampling_mask", "enable_trace_replay") if flag(use, name)]
    if "return_sampling_mask" in wanted and text(use, "logprobs_mode") != "processed_logprobs":
        yield Fault(
            "logprobs_mode",
            "return_sampling_mask is on",
            given=text(use, "logprobs_mode"),
            allowed="processed_logprobs",
        )
    for name in wanted:
        for reason in old_runner(use):
            yield Fault(
                name,
                f"{reason} is run by vLLM's older model runner, which has no replay",
                given="true",
                allowed="false",
            )


@rule(
    "model-runner",
    Severity.ERROR,
    states="Prefill context parallelism and sharded sampling go with nothing of the old model runner alone.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, _get_v1_model_runner_unsupported_features",
)
def model_runner(use: EngineUse) -> Iterator[Fault]:
    """What neither of vLLM's model runners has together."""
    wanted = [name for name in ("enable_batch_sharded_sampling",) if flag(use, name)]
    wanted += ["prefill_context_parallel_size"] if size(use, "prefill_context") > 1 else []
    for name in wanted:
        for reason in old_runner(use):
            yield Fault(
                name,
                f"{reason} is run by vLLM's older model runner, which lacks this",
                given=str(given(use, name)),
            )


def old_runner(use: EngineUse) -> Iterator[str]:
    """Why vLLM falls back to its older model runner, as far as arguments say."""
    speculative = str(settings(use, "speculative_config").get("method") or text(use, "spec_method") or "")
    if (
        speculative
        and speculative not in ("eagle", "eagle3", "mtp", "dflash", "dspark", "extract_hidden_states")
        and not speculative.endswith("_mtp")
    ):
        yield f"speculation by {speculative}"
    for name in ("enable_dbo", "enable_elastic_ep", "kv_sharing_fast_prefill"):
        if flag(use, name):
            yield name
    if given(use, "logits_processors"):
        yield "a logits processor"
    compilation = settings(use, "compilation_config")
    if str(compilation.get("mode")).upper() in ("1", "STOCK_TORCH_COMPILE"):
        yield "torch.compile without vLLM's"
    if str(text(use, "distributed_executor_backend")) == "external_launcher" and size(use, "pipeline") > 1:
        yield "pipeline parallelism by external_launcher"


@rule(
    "reasoning-parser-unknown",
    Severity.ERROR,
    states="A reasoning parser is one that vLLM brings, or comes with a plug-in.",
    reference="vLLM 0.29.0: vllm/config/reasoning.py, initialize_token_ids",
)
def reasoning_parser(use: EngineUse) -> Iterator[Fault]:
    """A parser that is not there."""
    stated, argument = text(use, "reasoning_parser"), use.version.engine.get("reasoning_parser")
    if stated and argument and stated not in argument.known and not text(use, "reasoning_parser_plugin"):
        yield Fault(
            "reasoning_parser",
            "vLLM brings no such parser",
            given=stated,
            allowed=", ".join(map(str, argument.known)),
        )


@rule(
    "format-unknown",
    Severity.ERROR,
    states="config_format, load_format and model_impl are ones that vLLM brings.",
    reference="vLLM 0.29.0: vllm/transformers_utils/config.py, get_config_parser; "
    "vllm/model_executor/model_loader/__init__.py, get_model_loader",
)
def format_unknown(use: EngineUse) -> Iterator[Fault]:
    """A form that nothing reads: unknown, load_format fails late, and model_impl is taken for another."""
    for name in ("config_format", "load_format", "model_impl"):
        stated, argument = text(use, name), use.version.engine.get(name)
        if stated is not None and argument and stated.lower() not in argument.known:
            yield Fault(
                name, "vLLM brings no such format", given=stated, allowed=", ".join(map(str, argument.known))
            )


OBSERVING_RULES = (
    format_unknown,
    traces_without_endpoint,
    hidden_metrics_version,
    profiler_settings,
    structured_outputs,
    sampling_replay,
    model_runner,
    reasoning_parser,
)
