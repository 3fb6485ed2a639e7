"""vLLM's arguments: those that the plan derives, and which of them a user may add."""

from collections.abc import Iterator

from pydantic import JsonValue

from inference_stack.catalog import ModelRow
from inference_stack.spec import Finding, Model, shown

from .coarse_memory import UTILIZATION, WIDTH, Load, default_batched_tokens
from .plan import Accelerator

DERIVED = {
    "enable_lora": "adapters",
    "gpu_memory_utilization": None,
    "max_lora_rank": "adapters",
    "max_loras": "adapters",
    "max_model_len": "context_tokens",
    "max_num_seqs": "concurrency",
    "model": "source",
    "served_model_name": "name",
    "tensor_parallel_size": "placement.gpus",
}
"""Arguments that the plan sets, and the key of a model that decides each; None where the plan alone does."""

NOT_PLANNED = {
    "cpu_offload_gb": "memory of the node as memory of the model",
    "data_parallel_size": "several engines in one replica",
    "hf_overrides": "another architecture than the catalog's",
    "kv_cache_memory_bytes": "a KV cache of fixed size",
    "kv_transfer_config": "prefill and decode apart",
    "num_gpu_blocks_override": "a KV cache of fixed size",
    "pipeline_parallel_size": "replicas over several nodes",
    "speculative_config": "the memory of a draft model",
}
"""Arguments that change what fits in a way that is not planned yet, and what would have to be known."""

KV_WIDTHS = {"auto": WIDTH, "bfloat16": WIDTH, "float16": WIDTH, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
"""Bytes of a number in the KV cache, by kv_cache_dtype."""

MAX_ADAPTERS_HELD = 16
"""Adapters that one replica holds at once, Ray's default; further ones take the place of the least used."""


def engine_findings(model: Model, row: ModelRow) -> Iterator[Finding]:
    """What a user may not say in a model's `engine`; paths count from the model."""
    for argument, value in model.engine.items():
        path = f"engine.{argument}"
        if argument in DERIVED:
            yield _derived(path, DERIVED[argument], value)
        elif argument in NOT_PLANNED:
            what = f"is not planned yet: the planner does not know {NOT_PLANNED[argument]}"
            yield _refused("engine-argument-not-planned", path, value, what, "leave it out")
    for argument, options in _options(row).items():
        value = model.engine.get(argument)
        if value is not None and value not in options:
            what = "is not planned yet: nobody computed what it does to memory"
            yield _refused(
                "engine-value-not-planned",
                f"engine.{argument}",
                value,
                what,
                ", ".join([*options, "or leave it out"]) if options else "leave it out",
            )
    yield from _batched_tokens(model)


def load(model: Model, row: ModelRow, unit: Accelerator, units: int, architecture: str) -> Load:
    """What one replica of a model holds on `units` units. Its `engine` must be free of findings."""
    given = model.engine.get("max_num_batched_tokens")
    adapters = model.adapters
    return Load(
        model=row,
        units=units,
        concurrency=model.concurrency or 8,
        batched_tokens=given
        if isinstance(given, int)
        else default_batched_tokens(unit.memory_gib, architecture),
        kv_width=KV_WIDTHS[str(model.engine.get("kv_cache_dtype", "auto"))],
        adapters=min(len(adapters), MAX_ADAPTERS_HELD),
        adapter_rank=max((adapter.rank for adapter in adapters), default=0),
    )


def engine_arguments(model: Model, load: Load) -> dict[str, JsonValue]:
    """The arguments of the engine, those of the user among them, in alphabetical order."""
    derived: dict[str, JsonValue] = {
        "gpu_memory_utilization": UTILIZATION,
        "max_model_len": model.context_tokens,
        "max_num_batched_tokens": load.batched_tokens,
        "max_num_seqs": load.concurrency,
        "tensor_parallel_size": load.units,
    }
    if load.adapters:
        derived |= {"enable_lora": True, "max_loras": load.adapters, "max_lora_rank": load.adapter_rank}
    return dict(sorted({**model.engine, **derived}.items()))


def _options(row: ModelRow) -> dict[str, tuple[str, ...]]:
    published = () if row.weights_dtype == "bf16" else (row.weights_dtype,)
    return {
        "dtype": ("auto", "bfloat16", "float16"),
        "kv_cache_dtype": tuple(KV_WIDTHS),
        "quantization": published,
    }


def _batched_tokens(model: Model) -> Iterator[Finding]:
    value = model.engine.get("max_num_batched_tokens")
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < (model.concurrency or 8):
        what = f"is no whole number of at least the model's concurrency, which is {model.concurrency}"
        allowed = f"at least {model.concurrency}, or leave it out"
        yield _refused("engine-value-out-of-range", "engine.max_num_batched_tokens", value, what, allowed)


def _derived(path: str, decides: str | None, value: JsonValue) -> Finding:
    if decides is None:
        what = f"is derived by the plan, which counts on {UTILIZATION}, vLLM's default"
        return _refused("engine-argument-derived", path, value, what, "leave it out")
    what = f"is derived from {decides} of the same model"
    return _refused("engine-argument-derived", path, value, what, f"leave it out, and set {decides}")


def _refused(code: str, path: str, value: JsonValue, what: str, allowed: str) -> Finding:
    return Finding(code=code, path=path, given=shown(value), what=what, allowed=allowed)
