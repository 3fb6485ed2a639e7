"""Gemma 4 and Gemma 3n: two widths of heads, experts beside a dense part, embeddings for each layer."""

from ..architecture import Attention, Experts, FeedForward, Rotary
from . import rotary
from .dense import local_and_global_rotary
from .family import Family
from .fields import Fields
from .parts import attention, every, layer_type

GLOBAL_HEAD_DIM = 512
"""Width of Gemma 4's global heads where the config is silent."""


def is_global(fields: Fields, layer: int) -> bool:
    """Whether a layer looks back over everything."""
    return layer_type(fields, layer) == "full_attention"


def shares_kv(fields: Fields, layer: int) -> bool:
    """The last layers read the keys and values of an earlier one."""
    return layer >= fields.layers - fields.number("num_kv_shared_layers", default=0)


def gemma4_attention(fields: Fields, layer: int) -> Attention:
    """Global layers have wider heads, and fewer keys where keys are values."""
    whole = is_global(fields, layer)
    width = fields.number("global_head_dim", default=GLOBAL_HEAD_DIM) if whole else fields.head_dim
    kv_heads = fields.kv_heads
    if whole and fields.flag("attention_k_eq_v"):
        kv_heads = fields.number("num_global_key_value_heads", default=kv_heads)
    return Attention(
        kind="full" if whole else "sliding",
        heads=fields.heads,
        kv_heads=kv_heads,
        head_dim=width,
        v_head_dim=width,
        window=None if whole else fields.number("sliding_window"),
        qkv_bias=fields.flag("attention_bias"),
        output_bias=fields.flag("attention_bias"),
        qk_norm="head",
        shares_kv=shares_kv(fields, layer),
    )


def gemma4_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward:
    """A dense part, beside experts where the model has them."""
    width = fields.number("intermediate_size")
    if fields.flag("use_double_wide_mlp") and shares_kv(fields, layer):
        width *= 2
    if not fields.flag("enable_moe_block"):
        return FeedForward(width)
    return Experts(
        count=fields.number("num_experts"),
        per_token=fields.number("top_k_experts"),
        width=fields.number("moe_intermediate_size", "expert_intermediate_size"),
        shared_width=width,
    )


def layer_embedding(fields: Fields) -> int:
    """Width of a token's embedding for each layer; 0 without."""
    return fields.number("hidden_size_per_layer_input", default=0)


def gemma4_extra(fields: Fields, _layer: int) -> int:
    """A layer's scale; the router's scales and root; what a layer makes of its own embedding."""
    found = 1
    if fields.flag("enable_moe_block"):
        found += fields.hidden + fields.number("num_experts") + 1
    if layer_embedding(fields):
        found += 2 * fields.hidden * layer_embedding(fields) + fields.hidden
    return found


def gemma4_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """One table for each width of heads."""
    return tuple(
        rotary.table(fields, width, parameters=rotary.rope_parameters(fields, kind))
        for kind, width in (
            ("sliding_attention", fields.head_dim),
            ("full_attention", fields.number("global_head_dim", default=GLOBAL_HEAD_DIM)),
        )
    )


def altup_inputs(fields: Fields) -> int:
    """Copies of the hidden states that Gemma 3n predicts and corrects."""
    return fields.number("altup_num_inputs", default=4)


def gemma3n_feed_forward(fields: Fields, layer: int) -> FeedForward:
    """One width for all layers, or one for each."""
    return FeedForward(fields.at(layer, "intermediate_size"))


def gemma3n_extra(fields: Fields, _layer: int) -> int:
    """AltUp's router and coefficients, LAuReL, and the layer's own embedding."""
    hidden, copies = fields.hidden, altup_inputs(fields)
    altup = copies**3 + copies**2 + copies * hidden + hidden + 1
    laurel = 2 * fields.number("laurel_rank", default=64) * hidden + hidden
    return altup + laurel + 2 * hidden * layer_embedding(fields) + hidden


GEMMA: dict[str, Family] = {
    "gemma4_text": Family(
        gemma4_attention,
        gemma4_feed_forward,
        norms=lambda fields, _layer: 7 if fields.flag("enable_moe_block") else 4,
        tied=True,
        rotary=gemma4_rotary,
        further=gemma4_extra,
        outside=lambda fields: 1 + (layer_embedding(fields) + 3 if layer_embedding(fields) else 0),
        layer_embedding=layer_embedding,
    ),
    "gemma3n_text": Family(
        attention(False, qk_norm="head", window=every(5)),
        gemma3n_feed_forward,
        norms=4,
        tied=True,
        rotary=local_and_global_rotary,
        further=gemma3n_extra,
        further_float32=lambda fields, _layer: fields.hidden,
        outside=lambda fields: (
            2 * (altup_inputs(fields) - 1) * fields.hidden**2 + layer_embedding(fields) + 4
        ),
        layer_embedding=layer_embedding,
        shares_kv=shares_kv,
    ),
}
