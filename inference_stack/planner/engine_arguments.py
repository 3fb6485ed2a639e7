"""vLLM's arguments: those that the plan derives, and which of them a user may add."""

from collections.abc import Iterator

from pydantic import JsonValue

from inference_stack.catalog import ModelRow
from inference_stack.engine import ALONE, engine_argument_findings, versions
from inference_stack.engine.arguments import engine_version
from inference_stack.engine.rules import EngineUse, Gpu
from inference_stack.spec import Finding, Model, shown

from .engine_defaults import batch, utilization
from .memory.activation import GIB
from .memory.budget import memory
from .replica import Engine, Replica, Silicon

DERIVED = {
    "enable_lora": "adapters",
    "gpu_memory_utilization": None,
    "max_lora_rank": "adapters",
    "max_loras": "adapters",
    "max_model_len": "context_tokens",
    "max_num_seqs": "concurrency",
    "model": "source",
    "served_model_name": "name",
    "pipeline_parallel_size": "placement.pipeline",
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
    "speculative_config": "the memory of a draft model",
}
"""Arguments that change what fits in a way that is not planned yet, and what would have to be known."""

KV_CACHE_DTYPES = ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2")
"""Forms of the KV cache whose size is known."""

MAX_ADAPTERS_HELD = 16
"""Adapters that one replica holds at once, Ray's default; further ones take the place of the least used."""


DEFAULT_CONCURRENCY = 8
"""Requests that a replica works on where nobody says, and no traffic says either."""


def engine_findings(model: Model, row: ModelRow) -> Iterator[Finding]:
    """What a user may not say in a model's `engine`, and what hurts; paths count from the model."""
    if not model.engine:
        return
    told = list(_not_to_be_said(model, row))
    yield from told
    paths = {finding.path for finding in told}
    use = EngineUse(engine_version(versions.VLLM), model.engine, row.fields)
    for finding in engine_argument_findings(use, model.source):
        if (found := finding.under("engine")).path not in paths:
            yield found


def _not_to_be_said(model: Model, row: ModelRow) -> Iterator[Finding]:
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


def engine(
    model: Model,
    silicon: Silicon,
    concurrency: int,
    *,
    share: float = 1.0,
    experts_apart: bool = False,
) -> Engine:
    """vLLM's settings for a replica with so many requests. The model's own must be free of findings."""
    given = model.engine
    tokens = given.get("max_num_batched_tokens")
    adapters = model.adapters
    return Engine(
        max_model_len=model.context_tokens,
        # No step holds more than all requests can have, and none fewer tokens than there are requests.
        max_num_batched_tokens=tokens
        if isinstance(tokens, int)
        else max(batch(silicon, model.context_tokens, None, concurrency).max_num_batched_tokens, concurrency),
        max_num_seqs=concurrency,
        gpu_memory_utilization=utilization(versions.VLLM) * share,
        dtype=_dtype(given.get("dtype")),
        kv_cache_dtype=str(given.get("kv_cache_dtype", "auto")),
        enforce_eager=given.get("enforce_eager") is True,
        enable_prefix_caching=given.get("enable_prefix_caching") is not False,
        enable_expert_parallel=experts_apart or given.get("enable_expert_parallel") is True,
        max_loras=min(len(adapters), MAX_ADAPTERS_HELD),
        max_lora_rank=max((adapter.rank for adapter in adapters), default=0),
    )


def engine_arguments(model: Model, replica: Replica) -> dict[str, JsonValue]:
    """The arguments of the engine, those of the user among them, in alphabetical order."""
    settings = replica.engine
    derived: dict[str, JsonValue] = {
        "gpu_memory_utilization": round(settings.gpu_memory_utilization, 4),
        "max_model_len": settings.max_model_len,
        "max_num_batched_tokens": settings.max_num_batched_tokens,
        "max_num_seqs": settings.max_num_seqs,
        "tensor_parallel_size": replica.tensor_parallel,
    }
    if _shared(replica):
        # Measured, it would lack what a neighbour takes meanwhile: two that start together would both fail.
        derived["kv_cache_memory_bytes"] = int(memory(replica).kv_gib * GIB)
    if replica.pipeline_parallel > 1:
        derived["pipeline_parallel_size"] = replica.pipeline_parallel
    if settings.enable_expert_parallel:
        derived["enable_expert_parallel"] = True
    if settings.max_loras:
        derived |= {
            "enable_lora": True,
            "max_loras": settings.max_loras,
            "max_lora_rank": settings.max_lora_rank,
        }
    return dict(sorted({**model.engine, **derived}.items()))


def sent_findings(
    model: Model, replica: Replica, row: ModelRow, compute_capability: tuple[int, int]
) -> Iterator[Finding]:
    """What is to be said of all arguments of a replica together, on its card; paths count from the model.

    A finding on an argument that the plan derived lies where the user said what it is derived from.
    """
    silicon, sent = replica.silicon, engine_arguments(model, replica)
    use = EngineUse(
        engine_version(versions.VLLM),
        sent,
        row.fields,
        Gpu(silicon.gpu, silicon.memory_gib, compute_capability, slice=silicon.profile is not None),
    )
    for finding in engine_argument_findings(use, model.source):
        name = finding.path.partition(".")[0]
        if not (_shared(replica) and finding.code == ALONE):
            yield finding.at(_said_at(finding.path) if name not in model.engine else f"engine.{finding.path}")


def _shared(replica: Replica) -> bool:
    """Whether the replica has a part of a GPU, and others the rest."""
    return replica.engine.gpu_memory_utilization < utilization(versions.VLLM)


def _said_at(argument: str) -> str:
    """Where a user says what an argument is derived from."""
    return DERIVED.get(argument.partition(".")[0]) or "engine"


def _dtype(given: JsonValue) -> str:
    return "float16" if given == "float16" else "bfloat16"


def _options(row: ModelRow) -> dict[str, tuple[str, ...]]:
    method = row.layout.method
    return {
        "dtype": ("auto", "bfloat16", "float16"),
        "kv_cache_dtype": KV_CACHE_DTYPES,
        "quantization": (method,) if method else (),
    }


def _batched_tokens(model: Model) -> Iterator[Finding]:
    value = model.engine.get("max_num_batched_tokens")
    if value is None:
        return
    # With traffic, the plan gives a replica no more requests than a step has tokens.
    least = model.concurrency or (1 if model.traffic else DEFAULT_CONCURRENCY)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        what = f"is no whole number of at least the model's concurrency, which is {least}"
        allowed = f"at least {least}, or leave it out"
        yield _refused("engine-value-out-of-range", "engine.max_num_batched_tokens", value, what, allowed)


def _derived(path: str, decides: str | None, value: JsonValue) -> Finding:
    if decides is None:
        what = f"is derived by the plan, which counts on {utilization(versions.VLLM)}, vLLM's default"
        return _refused("engine-argument-derived", path, value, what, "leave it out")
    what = f"is derived from {decides} of the same model"
    return _refused("engine-argument-derived", path, value, what, f"leave it out, and set {decides}")


def _refused(code: str, path: str, value: JsonValue, what: str, allowed: str) -> Finding:
    return Finding(code=code, path=path, given=shown(value), what=what, allowed=allowed)
