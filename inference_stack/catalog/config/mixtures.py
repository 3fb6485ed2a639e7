"""Families with experts in some or all layers, and those with multi-head latent attention."""

from dataclasses import replace

from ..architecture import Attention, Experts, FeedForward, Rotary
from . import rotary
from .dense import partly_rotary
from .family import Family
from .fields import Fields
from .parts import (
    after_first_dense,
    attention,
    by_sparse_step,
    dense,
    every,
    latent,
    listed_window,
    mixture,
    shared_experts,
)


def latent_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """Only the rotary part of a latent head is rotated."""
    return (rotary.table(fields, fields.number("qk_rope_head_dim"), deepseek=True),)


def corrected(fields: Fields) -> bool:
    """Whether experts are chosen by scores with a learned correction."""
    return fields.get("topk_method") == "noaux_tc"


DEEPSEEK = Family(
    latent,
    mixture(after_first_dense, shared=shared_experts, score_correction=corrected),
    rotary=latent_rotary,
)
SCORED = replace(
    DEEPSEEK, feed_forward=mixture(after_first_dense, shared=shared_experts, score_correction=True)
)


def llama4_attention(fields: Fields, layer: int) -> Attention:
    """Layers with rotary positions look back within a chunk, those without over everything."""
    rotated = fields.get("no_rope_layers")
    local = bool(rotated[layer]) if rotated else (layer + 1) % 4 != 0
    mixer = attention(window=lambda fields, layer: None)(fields, layer)
    chunk = fields.get("attention_chunk_size")
    return replace(mixer, kind="chunked", window=int(chunk)) if local and chunk else mixer


def llama4_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward:
    """Every interleave_moe_layer_step-th layer has experts; dense layers have a width of their own."""
    width = fields.number("intermediate_size")
    listed = fields.get("moe_layers")
    step = fields.number("interleave_moe_layer_step", default=1)
    sparse = layer in listed if listed else step > 0 and (layer + 1) % step == 0
    if not sparse:
        return FeedForward(fields.number("intermediate_size_mlp"))
    return Experts(
        count=fields.number("num_local_experts"),
        per_token=fields.number("num_experts_per_tok", default=1),
        width=width,
        shared_width=width,
    )


def ernie_is_sparse(fields: Fields, layer: int) -> bool:
    """Experts between the start and end layer, every moe_layer_interval-th."""
    start = _first(fields.get("moe_layer_start_index", default=0))
    end = _first(fields.get("moe_layer_end_index", default=fields.layers - 1))
    end = fields.layers - 1 if end == -1 else end
    return start <= layer <= end and (layer + 1) % fields.number("moe_layer_interval", default=1) == 0


def _first(value: object) -> int:
    return int(min(value)) if isinstance(value, list) else int(str(value))


def ernie_shared(fields: Fields) -> int:
    """Width of the shared experts."""
    width = fields.get("moe_intermediate_size")
    width = width[0] if isinstance(width, list) else width
    return fields.number("moe_num_shared_experts", default=0) * int(width)


MIXTURES: dict[str, Family] = {
    "mixtral": Family(attention(False), mixture()),
    "qwen2_moe": Family(
        attention(True, False),
        mixture(
            by_sparse_step,
            shared=lambda fields: fields.number("shared_expert_intermediate_size", default=0),
            shared_gate=True,
        ),
    ),
    "qwen3_moe": Family(attention(qk_norm="head"), mixture(by_sparse_step)),
    "gpt_oss": Family(
        attention(True, True, window=every(2), sinks=True),
        mixture(width=("intermediate_size",), bias=True, router_bias=True),
    ),
    "phimoe": Family(
        attention(True, True), mixture(width=("intermediate_size",)), norm_bias=True, head_bias=True
    ),
    "granitemoe": Family(attention(), mixture(width=("intermediate_size",)), tied=True),
    "granitemoeshared": Family(
        attention(),
        mixture(
            width=("intermediate_size",),
            shared=lambda fields: fields.number("shared_intermediate_size", default=0),
        ),
        tied=True,
    ),
    "olmoe": Family(attention(qk_norm="width"), mixture(width=("intermediate_size",))),
    "dbrx": Family(attention(False), mixture()),
    "llama4_text": Family(llama4_attention, llama4_feed_forward),
    "glm4_moe": Family(
        attention("attention_bias", False, "head", norm_flag="use_qk_norm"),
        mixture(after_first_dense, shared=shared_experts, score_correction=True, router_float32=True),
        rotary=partly_rotary(0.5),
    ),
    "minimax_m2": Family(
        attention(False, qk_norm="width"),
        mixture(width=("intermediate_size",), score_correction=True, router_float32=True),
    ),
    "ernie4_5_moe": Family(
        attention("use_bias"),
        mixture(
            ernie_is_sparse, shared=ernie_shared, score_correction=True, otherwise=dense(True, "use_bias")
        ),
        tied=True,
    ),
    "deepseek": Family(attention(), mixture(after_first_dense, shared=shared_experts)),
    "deepseek_v2": DEEPSEEK,
    "deepseek_v3": DEEPSEEK,
    "deepseek_v32": DEEPSEEK,
    "kimi_k2": DEEPSEEK,
    "glm_moe_dsa": SCORED,
    "glm4_moe_lite": SCORED,
    "dots1": Family(
        attention(qk_norm="head", window=listed_window),
        mixture(after_first_dense, shared=shared_experts, score_correction=True),
    ),
}
