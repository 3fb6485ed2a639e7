"""Compilation, CUDA graphs, kernels and attention backends."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from inference_stack.spec import Severity

from .lengths import batch
from .reading import as_integer, flag, given, is_given, settings, text
from .rule import EngineUse, Fault, rule

TWICE: tuple[tuple[str, str, str], ...] = (
    ("cudagraph_capture_sizes", "compilation_config", "cudagraph_capture_sizes"),
    ("max_cudagraph_capture_size", "compilation_config", "max_cudagraph_capture_size"),
    ("attention_backend", "attention_config", "backend"),
    ("enable_flashinfer_autotune", "kernel_config", "enable_flashinfer_autotune"),
)
"""Arguments that are also a field of an object, which vLLM takes from one place only."""
KINDS = (
    *("full_attention", "mla_attention", "sliding_window", "sliding_window_mla", "mamba", "unknown"),
    *("chunked_local_attention", "sink_full_attention", "encoder_only_attention", "cross_attention"),
)


@rule(
    "said-twice",
    Severity.ERROR,
    states="What stands as an argument does not stand in an object too.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config",
)
def said_twice(use: EngineUse) -> Iterator[Fault]:
    """One setting in two places."""
    for name, group, field in TWICE:
        inner = settings(use, group).get(field)
        if (
            is_given(use, name)
            and inner is not None
            and not (isinstance(inner, str) and inner.lower() == "auto")
        ):
            yield Fault(name, f"{group}.{field} says it too", remedy="name one of them")
    outer, inner = (settings(use, group) for group in ("ir_op_priority", "kernel_config"))
    nested = inner.get("ir_op_priority")
    for name in outer if isinstance(nested, Mapping) else ():
        if outer[name] and cast("Mapping[str, Any]", nested).get(name):
            yield Fault(
                f"ir_op_priority.{name}",
                "kernel_config.ir_op_priority says it too",
                remedy="name one of them",
            )


def graphs_off(use: EngineUse) -> bool:
    """Whether somebody turned CUDA graphs off, and not only the compilation that most of them need."""
    mode = settings(use, "compilation_config").get("cudagraph_mode")
    return bool(flag(use, "enforce_eager")) or mode == 0 or (isinstance(mode, str) and mode.upper() == "NONE")


def graphs(use: EngineUse) -> bool:
    """Whether CUDA graphs are captured, as far as the arguments say."""
    if graphs_off(use):
        return False
    compilation = settings(use, "compilation_config")
    mode, compiled, level = (
        compilation.get("cudagraph_mode"),
        compilation.get("mode"),
        given(use, "optimization_level"),
    )
    if isinstance(mode, str) and mode.upper() in ("FULL", "FULL_DECODE_ONLY"):
        return True
    if level == 0 and (mode is None or compiled is None):
        return False
    return compiled is None or str(compiled).upper() in ("3", "VLLM_COMPILE")


@rule(
    "graph-sizes",
    Severity.ERROR,
    states="CUDA graphs have sizes, and max_cudagraph_capture_size is the largest of them.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, _set_cudagraph_sizes",
)
def graph_sizes(use: EngineUse) -> Iterator[Fault]:
    """Sizes of CUDA graphs that do not go together."""
    if not graphs(use):
        return
    compilation = settings(use, "compilation_config")
    path = "cudagraph_capture_sizes"
    sizes = given(use, path) if is_given(use, path) else compilation.get(path)
    limit = given(use, "max_cudagraph_capture_size")
    limit = as_integer(limit if limit is not None else compilation.get("max_cudagraph_capture_size"))
    if limit is not None and limit < 1:
        yield Fault(
            "max_cudagraph_capture_size", "no graph is this small", given=str(limit), allowed="1 or more"
        )
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        return
    listed = [found for one in cast("Sequence[Any]", sizes) if (found := as_integer(one)) is not None]
    if not listed:
        yield Fault(path, "the list is empty", given="[]", remedy="leave it out, or set enforce_eager")
        return
    step = batch(use)
    inside = [one for one in listed if step is None or one <= step.max_num_batched_tokens]
    largest = max(inside, default=0)
    if limit is not None and limit >= 1 and limit != largest:
        yield Fault(
            "max_cudagraph_capture_size",
            f"the largest size in {path} is {largest}",
            given=str(limit),
            allowed=str(largest),
        )


@rule(
    "custom-operators",
    Severity.ERROR,
    states="custom_ops turns each operator on or off, once, and has one base.",
    reference="vLLM 0.29.0: vllm/config/compilation.py, CompilationConfig.__post_init__",
)
def custom_operators(use: EngineUse) -> Iterator[Fault]:
    """Operators that are written wrongly, or on and off."""
    listed = settings(use, "compilation_config").get("custom_ops")
    ops = (
        [one for one in cast("list[Any]", listed) if isinstance(one, str)] if isinstance(listed, list) else []
    )
    path = "compilation_config.custom_ops"
    for one in ops:
        if one not in ("all", "none") and (len(one) < 2 or one[0] not in "+-"):
            yield Fault(
                path, "not an operator that is turned on or off", given=one, allowed="all, none, +name, -name"
            )
    if {"all", "none"} <= set(ops):
        yield Fault(path, "two bases", given="all, none", allowed="one of them")
    both = {one[1:] for one in ops if one[:1] == "+"} & {one[1:] for one in ops if one[:1] == "-"}
    for one in sorted(both):
        yield Fault(path, "turned on and off", given=f"+{one}, -{one}", allowed="one of them")


@rule(
    "compilation-settings",
    Severity.ERROR,
    states="vLLM's own compilation runs by inductor or eagerly, and saves its work in a form that it reads.",
    reference="vLLM 0.29.0: vllm/config/compilation.py, CompilationConfig.__post_init__",
)
def compilation_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings of compilation that vLLM refuses."""
    compilation = settings(use, "compilation_config")
    backend, mode = compilation.get("backend"), compilation.get("mode")
    own = mode == 3 or (isinstance(mode, str) and mode.upper() == "VLLM_COMPILE")
    if own and backend not in (None, "", "eager", "inductor"):
        yield Fault(
            "compilation_config.backend",
            "no backend of vLLM's compilation",
            given=str(backend),
            allowed="inductor, eager",
        )
    saved = compilation.get("compile_cache_save_format")
    if isinstance(saved, str) and saved not in ("binary", "unpacked"):
        yield Fault(
            "compilation_config.compile_cache_save_format",
            "no such form",
            given=saved,
            allowed="binary, unpacked",
        )


@rule(
    "attention-settings",
    Severity.ERROR,
    states="Backends are given for kinds of caches that exist, and the indexer's type is said once.",
    reference="vLLM 0.29.0: vllm/config/attention.py, AttentionConfig",
)
def attention_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings of attention that vLLM refuses."""
    attention = settings(use, "attention_config")
    kinds = attention.get("backend_per_kind")
    backends = use.version.engine.get("attention_backend")
    for kind, backend in cast("Mapping[str, Any]", kinds).items() if isinstance(kinds, Mapping) else ():
        path = f"attention_config.backend_per_kind.{kind}"
        if kind not in KINDS:
            yield Fault(path, "no kind of cache", allowed=", ".join(KINDS))
        elif isinstance(backend, str) and backends and backend.upper() not in backends.values:
            yield Fault(
                path,
                "vLLM knows no such backend",
                given=backend,
                allowed=", ".join(map(str, backends.values)),
            )
    if attention.get("use_fp4_indexer_cache") and attention.get("indexer_kv_dtype") not in (
        None,
        "auto",
        "mxfp4",
    ):
        yield Fault(
            "attention_config.use_fp4_indexer_cache",
            "indexer_kv_dtype says otherwise",
            remedy="name one of them",
        )


@rule(
    "expert-kernels-of-other-models",
    Severity.ERROR,
    states="FlashInfer's kernels for experts over many GPUs run DeepSeek-V4 only.",
    reference="vLLM 0.29.0: vllm/config/kernel.py, validate_flashinfer_moe_ep_model",
)
def expert_kernels(use: EngineUse) -> Iterator[Fault]:
    """Kernels that the model does not have."""
    model, backend = use.model, text(use, "moe_backend")
    if backend in (None, "auto"):
        backend = settings(use, "kernel_config").get("moe_backend")
    folded = str(backend).lower().replace("-", "_")
    known = {"DeepseekV4ForCausalLM", "DeepSeekV4MTPModel"}
    if folded.startswith("flashinfer_moe_ep_mega") and model and not known & set(model.architectures):
        yield Fault("moe_backend", "it runs DeepSeek-V4 only", given=folded, allowed="auto")


COMPILATION_RULES = (
    said_twice,
    graph_sizes,
    custom_operators,
    compilation_settings,
    attention_settings,
    expert_kernels,
)
