"""How the memory of a GPU or slice is spent under vLLM. Coarse, and on the safe side.

Accounting of vLLM 0.29 (V1): what it may take is the memory that torch sees, times `gpu_memory_utilization`;
the KV cache gets what weights, activations, CUDA graphs and the runtime leave. All figures are for one unit.
Assumed, not derived:
- weights split evenly over the units of a replica;
- layers with a sliding window or chunked attention keep every token, so their KV cache is overstated;
- activations, CUDA graphs and the runtime follow formulas fitted to public logs of vLLM 0.19 on H100.
"""

import math
from typing import NamedTuple

from inference_stack.catalog import ModelRow

GIB = 2**30
BLOCK_TOKENS = 16
"""Tokens of a KV cache block, vLLM's default."""
UTILIZATION = 0.92
"""vLLM's default gpu_memory_utilization."""
MARGIN_GIB = 1.0
WIDTH = 2
"""Bytes of a bf16 number."""


class CoarseBudget(NamedTuple):
    """How the memory of one unit is spent, GiB."""

    usable_gib: float
    weights_gib: float
    overhead_gib: float
    adapters_gib: float
    margin_gib: float
    kv_gib: float
    kv_bytes_per_token: int
    kv_tokens: int


class Load(NamedTuple):
    """What one replica is to hold."""

    model: ModelRow
    units: int
    """Units that the replica spans, tensor parallel."""
    concurrency: int
    batched_tokens: int
    """Tokens of one engine step, vLLM's max_num_batched_tokens."""
    kv_width: int = WIDTH
    """Bytes of a number in the KV cache: 2 for bf16, 1 for fp8."""
    adapters: int = 0
    """LoRA adapters held at once."""
    adapter_rank: int = 0


def budget(load: Load, memory_gib: float) -> CoarseBudget:
    """The budget of one unit of `memory_gib`."""
    usable = memory_gib * UTILIZATION
    weights = load.model.weights_gib / load.units
    overhead = overhead_gib(load)
    adapters = adapters_gib(load)
    kv = max(0.0, usable - weights - overhead - adapters - MARGIN_GIB)
    token = kv_bytes_per_token(load.model, load.units, load.kv_width)
    # vLLM keeps one block for itself.
    blocks = max(0, math.floor(kv * GIB / (token * BLOCK_TOKENS)) - 1)
    return CoarseBudget(
        usable_gib=usable,
        weights_gib=weights,
        overhead_gib=overhead,
        adapters_gib=adapters,
        margin_gib=MARGIN_GIB,
        kv_gib=kv,
        kv_bytes_per_token=token,
        kv_tokens=blocks * BLOCK_TOKENS,
    )


def whole_blocks(tokens: int) -> int:
    """Tokens that a request of this many tokens occupies."""
    return math.ceil(tokens / BLOCK_TOKENS) * BLOCK_TOKENS


def default_batched_tokens(memory_gib: float, architecture: str) -> int:
    """max_num_batched_tokens that vLLM's server picks for a card or slice of this memory."""
    if memory_gib >= 160:
        return 16384
    return 8192 if memory_gib >= 70 and architecture != "Ampere" else 2048


def kv_bytes_per_token(model: ModelRow, units: int, width: int) -> int:
    """KV cache of one token on one unit, all layers, bytes.

    Heads are divided over the units and copied where there are more units than heads. The latent vector of
    multi-head latent attention has no heads to divide: each unit holds it whole.
    """
    if model.kv_lora_rank is not None:
        return model.layers * (model.kv_lora_rank + (model.qk_rope_head_dim or 0)) * width
    heads = max(1, model.kv_heads // units)
    return model.layers * heads * (model.head_dim + (model.v_head_dim or model.head_dim)) * width


def overhead_gib(load: Load) -> float:
    """Activations at their peak, CUDA graphs and the runtime."""
    return (_activation_bytes(load) / GIB) + _cuda_graphs_gib(load) + _runtime_gib(load.units)


def _activation_bytes(load: Load) -> float:
    """Peak of vLLM's profiling run: the sampler over the whole vocabulary, or a forward pass."""
    model, tokens = load.model, load.batched_tokens
    hidden = model.hidden_size
    sampler = 3.72 * load.concurrency * model.vocab_size * 4 + 1.12 * tokens * hidden * WIDTH
    forward = tokens * WIDTH * (3 * _dense_width(model) / load.units + 4.25 * hidden)
    return max(sampler + _expert_workspace(load), forward)


def _dense_width(model: ModelRow) -> int:
    if model.experts is None:
        return model.intermediate_size
    return model.dense_intermediate_size or model.shared_intermediate_size or 0


def _expert_workspace(load: Load) -> float:
    model = load.model
    if model.experts is None:
        return 0.0
    width = max(2 * (model.moe_intermediate_size or 0) / load.units, model.hidden_size)
    return load.batched_tokens * (model.experts_per_token or 1) * (width + model.hidden_size) * WIDTH


def _cuda_graphs_gib(load: Load) -> float:
    # Captured up to twice the concurrency, at most 512 sequences: 0.5 to 1.2 GiB were logged there on one
    # unit and up to 1.8 on several. Below 512 nobody logged it; taken as linear above a base.
    captured = min(2 * load.concurrency, 512) / 512
    return 0.4 + (0.8 if load.units == 1 else 1.4) * captured


def _runtime_gib(units: int) -> float:
    # Logged outside of torch: 0.24 to 0.25 GiB on one unit, 2.06 to 2.21 where units talk to each other.
    return 0.25 if units == 1 else 2.2


def adapters_gib(load: Load) -> float:
    """LoRA slots: for each linear layer, rank × (in + out); the input half is whole on every unit."""
    if not load.adapters:
        return 0.0
    widths = sum(count * (wide + out / load.units) for count, wide, out in _linears(load.model))
    return load.adapters * load.adapter_rank * widths * WIDTH / GIB


def _linears(model: ModelRow) -> list[tuple[int, int, int]]:
    """Linear layers of the whole model that adapters apply to: how many, width in, width out."""
    hidden, layers = model.hidden_size, model.layers
    query = model.heads * model.head_dim
    value = model.heads * (model.v_head_dim or model.head_dim)
    linears = [(layers, value, hidden)]
    if model.kv_lora_rank is None:
        grouped = model.kv_heads * model.head_dim
        linears += [(layers, hidden, query), (2 * layers, hidden, grouped)]
    else:
        latent, rope = model.kv_lora_rank, model.qk_rope_head_dim or 0
        keys = model.heads * (model.qk_nope_head_dim or 0)
        ranked = model.q_lora_rank
        linears += [(layers, hidden, latent + rope), (layers, latent, keys + value)]
        linears += (
            [(layers, hidden, ranked), (layers, ranked, query)] if ranked else [(layers, hidden, query)]
        )
    sparse = layers - (model.dense_layers or 0) if model.experts else 0
    for count, width in (
        (layers - sparse, model.dense_intermediate_size or model.intermediate_size),
        (sparse * (model.experts or 0), model.moe_intermediate_size or 0),
        (sparse, model.shared_intermediate_size or 0),
    ):
        linears += [(2 * count, hidden, width), (count, width, hidden)]
    return linears
