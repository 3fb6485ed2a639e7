"""Families with experts in some or all layers, and those with multi-head latent attention."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..architecture import Attention, Experts, FeedForward, Rotary
from . import rotary
from .dense import partly_rotary
from .family import AttentionReader, Family
from .fields import Fields
from .parts import (
    after_first_dense,
    attention,
    by_sparse_step,
    dense,
    every,
    latent,
    layer_type,
    listed_window,
    mixture,
    shared_experts,
)


def latent_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """Only the rotary part of a latent head is rotated; an indexer has a table of its own."""
    table = rotary.table(fields, fields.number("qk_rope_head_dim"), deepseek=True)
    return (table, table) if fields.get("index_topk") is not None else (table,)


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


def expanded(fields: Fields, layer: int) -> Attention:
    """Latent attention whose keys and values vLLM caches as if they were not compressed."""
    return replace(latent(fields, layer), expanded=True)


def llama4_attention(fields: Fields, layer: int) -> Attention:
    """Layers with rotary positions look back within a chunk, those without over everything."""
    rotated = fields.get("no_rope_layers")
    local = bool(rotated[layer]) if rotated else (layer + 1) % 4 != 0
    mixer = attention(window=lambda _fields, _layer: None)(fields, layer)
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
    last = fields.layers - 1
    start, end = _least(fields, "moe_layer_start_index", 0), _least(fields, "moe_layer_end_index", last)
    interval = fields.number("moe_layer_interval", default=1)
    return start <= layer <= (last if end == -1 else end) and (layer + 1) % interval == 0


def _least(fields: Fields, name: str, default: int) -> int:
    """The field, or its least where it is given for text and pictures apart."""
    each = fields.listed(name)
    return fields.number(name, default=default) if each is None else min(int(value) for value in each)


def ernie_shared(fields: Fields) -> int:
    """Width of the shared experts."""
    return fields.number("moe_num_shared_experts", default=0) * fields.at(0, "moe_intermediate_size")


def step_attention(fields: Fields, layer: int) -> Attention:
    """Step 3.5: sliding layers have heads of their own; each head has a gate."""
    sliding = layer_type(fields, layer) == "sliding_attention"
    other: Mapping[str, Any] = fields.settings("attention_other_setting") if sliding else {}
    width = int(other.get("head_dim", fields.head_dim))
    return Attention(
        kind="sliding" if sliding else "full",
        heads=int(other.get("num_attention_heads", fields.heads)),
        kv_heads=int(other.get("num_attention_groups", fields.number("num_attention_groups"))),
        head_dim=width,
        v_head_dim=width,
        window=fields.number("sliding_window") if sliding else None,
        qk_norm="head",
        head_gate=fields.flag("use_head_wise_attn_gate"),
    )


def step_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward:
    """Step 3.5: the layers of moe_layers_enum have experts."""
    listed = fields.get("moe_layers_enum")
    sparse = range(1, fields.layers) if listed is None else {int(n) for n in str(listed).split(",")}
    if layer not in sparse:
        return FeedForward(fields.number("intermediate_size"))
    return Experts(
        count=fields.number("moe_num_experts"),
        per_token=fields.number("moe_top_k"),
        width=fields.number("moe_intermediate_size"),
        shared_width=fields.number("share_expert_dim", "share_expert_dims", default=0),
        router_float32=True,
        score_correction=True,
    )


def step_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """One table."""
    return (rotary.table(fields, fields.head_dim),)


def after_dense_layers(fields: Fields, layer: int) -> bool:
    """Experts after the first layers, whose number comes under several names."""
    kinds = fields.get("mlp_layer_types")
    if kinds:
        return str(kinds[layer]) in ("sparse", "moe")
    return layer >= fields.number("num_dense_layers", "first_k_dense_replace", default=1)


def several_shared(fields: Fields) -> int:
    """Width of num_shared_experts, each as wide as an expert."""
    return fields.number("num_shared_experts", "n_shared_experts", default=0) * fields.number(
        "moe_shared_expert_intermediate_size", "moe_intermediate_size"
    )


def with_head_gate(mixer: AttentionReader) -> AttentionReader:
    """The same with one gate for each head."""

    def read(fields: Fields, layer: int) -> Attention:
        found = mixer(fields, layer)
        return replace(found, head_gate=True)

    return read


def laguna_share(fields: Fields) -> float:
    """Half of a head is rotated where the config is silent."""
    return float(rotary.rope_parameters(fields).get("partial_rotary_factor", 0.5))


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
        ends_on_every_stage=True,
        rotary=lambda fields: (replace(rotary.table(fields, fields.head_dim), float32=True),),
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
    "olmoe": Family(attention(qk_norm="whole"), mixture(width=("intermediate_size",))),
    "dbrx": Family(attention(False), mixture()),
    "llama4_text": Family(llama4_attention, llama4_feed_forward),
    "glm4_moe": Family(
        attention("attention_bias", False, "head", norm_flag="use_qk_norm"),
        mixture(after_first_dense, shared=shared_experts, score_correction=True, router_float32=True),
        rotary=partly_rotary(0.5),
    ),
    "minimax_m2": Family(
        attention(False, qk_norm="width"),
        mixture(width=("intermediate_size",), score_correction="use_routing_bias", router_float32=True),
        rotary=lambda fields: (rotary.table(fields, fields.number("rotary_dim", default=64)),),
    ),
    "ernie4_5_moe": Family(
        attention("use_bias"),
        mixture(
            ernie_is_sparse,
            shared=ernie_shared,
            score_correction=True,
            router_float32=True,
            otherwise=dense(True, "use_bias"),
        ),
        tied=True,
    ),
    "afmoe": Family(
        attention(False, qk_norm="head", window=every(4), gate=True),
        mixture(after_dense_layers, shared=several_shared, score_correction=True, router_float32=True),
        norms=4,
        tied=False,
    ),
    "hy_v3": Family(
        attention(False, qk_norm="head"),
        mixture(after_dense_layers, shared=several_shared, score_correction=True, router_float32=True),
    ),
    "laguna": Family(
        with_head_gate(attention(False, qk_norm="head", window=listed_window)),
        mixture(
            after_dense_layers,
            shared=lambda fields: fields.number("shared_expert_intermediate_size", default=0),
            score_correction=True,
        ),
        rotary=lambda fields: (rotary.table(fields, fields.head_dim, partial=laguna_share(fields)),),
    ),
    "cohere2_moe": Family(
        attention(window=every(4)), mixture(width=("intermediate_size",)), norms=1, tied=True
    ),
    "exaone_moe": Family(
        attention(False, qk_norm="head", window=listed_window),
        mixture(after_dense_layers, shared=several_shared, score_correction=True),
    ),
    "bailing_moe": Family(
        attention("use_qkv_bias", "use_bias", "head", norm_flag="use_qk_norm"),
        mixture(
            after_first_dense,
            shared=several_shared,
            score_correction="moe_router_enable_expert_bias",
            router_float32=True,
        ),
    ),
    "axk1": replace(
        SCORED,
        norms=3,
        feed_forward=mixture(after_dense_layers, shared=shared_experts, score_correction=True),
    ),
    "mellum": Family(attention(False, qk_norm="head", window=listed_window), mixture()),
    "sarvam_moe": Family(
        attention(False, qk_norm="head", norm_flag="use_qk_norm"),
        mixture(after_first_dense, shared=shared_experts, score_correction=True, router_float32=True),
    ),
    "sarvam_mla": replace(DEEPSEEK, mixer=expanded),
    "minicpm3": Family(expanded, dense(), rotary=latent_rotary, tied=True),
    "deepseek": Family(attention(), mixture(after_first_dense, shared=shared_experts)),
    "deepseek_v2": DEEPSEEK,
    "deepseek_v3": DEEPSEEK,
    "deepseek_v32": DEEPSEEK,
    "kimi_k2": DEEPSEEK,
    "glm_moe_dsa": DEEPSEEK,
    "glm4_moe_lite": replace(
        DEEPSEEK,
        feed_forward=mixture(
            after_first_dense, shared=shared_experts, score_correction=True, router_float32=True
        ),
    ),
    "step3p5": Family(step_attention, step_feed_forward, rotary=step_rotary),
    "dots1": Family(
        attention(qk_norm="head", window=listed_window),
        mixture(after_first_dense, shared=shared_experts, score_correction=True),
    ),
}
