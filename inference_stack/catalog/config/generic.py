"""Reads models that are not known by name: what the fields of a Llama-like decoder say for themselves."""

from ..architecture import Attention, Experts, FeedForward, Rotary
from .family import Family, default_rotary
from .fields import Fields
from .mixtures import latent_rotary
from .parts import after_first_dense, attention, by_sparse_step, latent, layer_type, mixture, model_window

NORMED = ("use_qk_norm", "qk_norm", "qk_layernorm", "add_qk_norm")


def is_latent(fields: Fields) -> bool:
    """Whether keys and values are compressed as in DeepSeek's attention."""
    return bool(fields.get("kv_lora_rank")) and fields.get("qk_nope_head_dim") is not None


def generic_mixer(fields: Fields, layer: int) -> Attention:
    """Latent attention where its ranks are given, else attention with the stated biases and norms."""
    if is_latent(fields):
        return latent(fields, layer)
    bias = any(fields.flag(name) for name in ("attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias"))
    normed = any(fields.get(name) is True for name in NORMED)
    output = fields.flag("attention_out_bias") or fields.flag("attention_bias")
    return attention(bias, output, "head" if normed else None, model_window)(fields, layer)


def is_sparse(fields: Fields, layer: int) -> bool:
    """Whether a layer has experts, by whichever rule the config follows."""
    kinds = fields.get("mlp_layer_types")
    if kinds:
        return str(kinds[layer]) in ("sparse", "moe")
    if fields.get("num_dense_layers") is not None:
        return layer >= fields.number("num_dense_layers")
    if layer_type(fields, layer) == "moe":
        return True
    if fields.get("decoder_sparse_step") is not None or fields.get("mlp_only_layers") is not None:
        return by_sparse_step(fields, layer)
    return after_first_dense(fields, layer)


def shared(fields: Fields) -> int:
    """Width that every token passes beside its experts."""
    stated = fields.get("shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim")
    if stated is not None:
        return int(stated)
    width = fields.number("moe_intermediate_size", "intermediate_size")
    return (
        fields.number("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", default=0) * width
    )


def generic_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward | None:
    """Experts where the config counts any."""
    return mixture(is_sparse, shared=shared, score_correction=fields.get("topk_method") == "noaux_tc")(
        fields, layer
    )


def generic_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """One table."""
    return latent_rotary(fields) if is_latent(fields) else default_rotary(fields)


GENERIC = Family(generic_mixer, generic_feed_forward, rotary=generic_rotary)
