"""How the memory of a unit is spent under vLLM, and what context and concurrency that leaves.

requested = total × utilization; the KV cache gets what weights, activations, memory outside of torch,
adapters, a drafting model and, by release, CUDA graphs leave. Figures are of the fullest unit.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from ..replica import Replica
from .activation import GIB, activation_gib, is_dense
from .adapters import adapters_bytes
from .fitted import FITTED, Fitted
from .graphs import cudagraph_gib
from .kv_cache import KvCache, kv_cache, longest_context, needed_bytes, request_bytes
from .limits import limit
from .margin import margin
from .prepared import prepared_bytes
from .runtime import CONTEXT_GIB, non_torch_gib, requested_gib
from .versions import accounting
from .weights import stage_layers, stage_weights_bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """The budget of one unit, GiB, and what it serves."""

    total_gib: float
    requested_gib: float
    """What vLLM may take: total × utilization."""
    weights_gib: float
    prepared_gib: float
    """What kernels add to the weights after loading; vLLM's log counts it among them."""
    activation_gib: float
    non_torch_gib: float
    cudagraph_gib: float
    """Estimate of the CUDA graphs; taken from the KV cache only if `graphs_reserved`."""
    graphs_reserved: bool
    adapters_gib: float
    draft_gib: float
    kv_gib: float
    """Left for the KV cache; negative where the rest does not even fit."""
    kv_low_gib: float
    kv_high_gib: float
    """Where the KV cache of nine in ten start-ups lies, by the errors on logs that were held out."""
    kv_tokens: int
    """As vLLM's log would state it."""
    max_concurrency: float
    """Requests of max_model_len tokens at once."""
    needed_gib: float
    """Least KV cache with which vLLM starts."""
    limit: str | None
    """What forbids the start, with what would allow it; None where it fits."""

    @property
    def fits(self) -> bool:
        """Whether vLLM starts."""
        return self.limit is None

    @property
    def footprint_gib(self) -> float:
        """What the process takes of the GPU in all: its request, and what vLLM does not count in."""
        return self.requested_gib + CONTEXT_GIB + (0.0 if self.graphs_reserved else self.cudagraph_gib)


@dataclass(frozen=True, slots=True)
class _Stage:
    """The budget of a unit of one pipeline stage, GiB."""

    layers: int
    weights: float
    prepared: float
    activation: float
    non_torch: float
    graphs: float
    draft: float
    kv: float


@lru_cache(maxsize=16384)
def memory(replica: Replica, fitted: Fitted = FITTED) -> Memory:
    """The budget of a replica's fullest unit. `fitted` is for benchmarks that fit the constants anew."""
    requested, adapters = requested_gib(replica), adapters_bytes(replica) / GIB
    reserved = accounting(replica.engine.version, dense=is_dense(replica.model)).reserves_graphs
    stages = _stages(replica, requested - adapters, reserved, fitted)
    worst = _fullest(stages)
    off = margin(replica)
    cache = _cache(replica, [max(0, int(stage.kv * GIB)) for stage in stages])
    needed = _needed_gib(replica)
    parts = {
        "weights": worst.weights,
        "prepared": worst.prepared,
        "draft": worst.draft,
        "adapters": adapters,
        "activation": worst.activation,
        "non_torch": worst.non_torch,
        "cudagraph": worst.graphs if reserved else 0.0,
    }
    return Memory(
        total_gib=replica.silicon.memory_gib,
        requested_gib=requested,
        weights_gib=worst.weights,
        prepared_gib=worst.prepared,
        activation_gib=worst.activation,
        non_torch_gib=worst.non_torch,
        cudagraph_gib=worst.graphs,
        graphs_reserved=reserved,
        adapters_gib=adapters,
        draft_gib=worst.draft,
        kv_gib=worst.kv,
        kv_low_gib=worst.kv - off.below_gib,
        kv_high_gib=worst.kv + off.above_gib,
        kv_tokens=cache.tokens,
        max_concurrency=cache.max_concurrency,
        needed_gib=needed,
        limit=limit(replica, worst.kv, needed, parts, lambda: _longest(replica, worst.kv, fitted)),
    )


def fits(replica: Replica, context: int) -> bool:
    """Whether vLLM would start with max_model_len at `context` and everything else as it is."""
    return memory(replace(replica, engine=replace(replica.engine, max_model_len=context))).fits


def longest(replica: Replica) -> int:
    """Most tokens of context with which vLLM would start; 0 if with none."""
    return _longest(replica, memory(replica).kv_gib, FITTED)


def _longest(replica: Replica, kv_gib: float, fitted: Fitted) -> int:
    """Of a replica whose cache is `kv_gib` at its own max_model_len: what is left may depend on that too."""
    context = longest_context(replica, max(0, int(kv_gib * GIB)))
    if context and replica.draft is None and _left(replica, context, fitted)[0] == kv_gib:
        return context
    low, high = 0, replica.model.max_position_embeddings
    while low < high:
        middle = (low + high + 1) // 2
        left, needed = _left(replica, middle, fitted)
        low, high = (middle, high) if left >= needed else (low, middle - 1)
    return low


def _left(replica: Replica, context: int, fitted: Fitted) -> tuple[float, float]:
    """GiB left for the KV cache, and needed of it, with max_model_len at `context`."""
    changed = replace(replica, engine=replace(replica.engine, max_model_len=context))
    usable = requested_gib(changed) - adapters_bytes(changed) / GIB
    reserved = accounting(changed.engine.version, dense=is_dense(changed.model)).reserves_graphs
    return _fullest(_stages(changed, usable, reserved, fitted)).kv, _needed_gib(changed)


def _fullest(stages: list[_Stage]) -> _Stage:
    return min(stages, key=lambda stage: stage.kv / max(1, stage.layers))


def _needed_gib(replica: Replica) -> float:
    if replica.draft is None:
        return needed_bytes(replica) / GIB
    return (needed_bytes(replica) + needed_bytes(replica.draft, replica.engine.max_model_len)) / GIB


def _stages(replica: Replica, usable: float, reserved: bool, fitted: Fitted) -> list[_Stage]:
    weights, prepared = stage_weights_bytes(replica), prepared_bytes(replica)
    found: list[_Stage] = []
    for number, layers in enumerate(stage_layers(replica.model.layers, replica.pipeline_parallel)):
        last = number == len(weights) - 1
        # A drafting model stands whole on the last stage.
        draft = sum(stage_weights_bytes(replica.draft)) / GIB if replica.draft and last else 0.0
        stage = _Stage(
            layers=len(layers),
            weights=weights[number] / GIB,
            prepared=prepared[number] / GIB,
            activation=activation_gib(replica, last_stage=last, fitted=fitted),
            non_torch=non_torch_gib(replica, last_stage=last, fitted=fitted),
            graphs=cudagraph_gib(replica, len(layers), fitted),
            draft=draft,
            kv=usable,
        )
        taken = stage.weights + stage.prepared + stage.activation + stage.non_torch + stage.draft
        found.append(replace(stage, kv=usable - taken - (stage.graphs if reserved else 0.0)))
    return found


def _cache(replica: Replica, held: list[int]) -> KvCache:
    """What the cache holds; a drafting model caches the same tokens, and takes its part of the bytes."""
    draft = replica.draft
    if draft is None:
        return kv_cache(replica, held)
    context = replica.engine.max_model_len
    own, beside = request_bytes(replica, context), request_bytes(draft, context)
    return kv_cache(replica, [int(stage * own / (own + beside)) for stage in held])
