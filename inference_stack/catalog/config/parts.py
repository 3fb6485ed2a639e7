"""Readers of one part of a block, from which families are composed."""

from collections.abc import Callable
from typing import Literal

from ..architecture import Attention, Experts, FeedForward
from .family import AttentionReader, Width
from .fields import Fields

Flag = bool | str | Callable[[Fields], bool]
"""Yes, no, or the name of the field that says it (no where it is silent), or a rule of the fields."""
Window = Callable[[Fields, int], int | None]


def says(fields: Fields, flag: Flag) -> bool:
    """What a flag is for these fields."""
    if callable(flag):
        return flag(fields)
    return fields.flag(flag) if isinstance(flag, str) else flag


def unless_off(name: str) -> Callable[[Fields], bool]:
    """Yes where the config is silent."""
    return lambda fields: fields.flag(name, default=True)


def layer_type(fields: Fields, layer: int) -> str | None:
    """The kind of a layer where the config lists them."""
    types = fields.get("layer_types", "layers_block_type", "layers_types")
    return str(types[layer]) if types else None


def model_window(fields: Fields, layer: int) -> int | None:
    """One window for the whole model, or the layers that layer_types calls sliding."""
    window = fields.get("sliding_window")
    if not window or fields.get("use_sliding_window") is False:
        return None
    kind = layer_type(fields, layer)
    return int(window) if kind in (None, "sliding_attention") else None


def listed_window(fields: Fields, layer: int) -> int | None:
    """The window of the layers that layer_types calls sliding, and of no other."""
    window = fields.get("sliding_window")
    return int(window) if window and layer_type(fields, layer) == "sliding_attention" else None


def every(pattern: int, *, full: int = -1) -> Window:
    """One full layer in `pattern` (the last, or the one at `full`) where layer_types does not say."""

    def window(fields: Fields, layer: int) -> int | None:
        kind = layer_type(fields, layer)
        run = int(fields.get("sliding_window_pattern", "_sliding_window_pattern", default=pattern))
        sliding = kind == "sliding_attention" if kind else layer % run != full % run
        return fields.number("sliding_window") if sliding and fields.get("sliding_window") else None

    return window


def attention(
    bias: Flag = "attention_bias",
    output_bias: Flag | None = None,
    qk_norm: Literal["head", "heads", "width", "whole"] | None = None,
    window: Window = model_window,
    *,
    sinks: bool = False,
    gate: Flag = False,
    norm_flag: str | None = None,
) -> AttentionReader:
    """Attention with grouped keys and values. The output's bias follows the query's unless given."""

    def read(fields: Fields, layer: int) -> Attention:
        reach = window(fields, layer)
        normed = qk_norm if norm_flag is None or fields.flag(norm_flag) else None
        return Attention(
            kind="sliding" if reach else "full",
            heads=fields.heads,
            kv_heads=fields.kv_heads,
            head_dim=fields.head_dim,
            v_head_dim=fields.number("v_head_dim", default=fields.head_dim),
            window=reach,
            qkv_bias=says(fields, bias),
            output_bias=says(fields, bias if output_bias is None else output_bias),
            qk_norm=normed,
            output_gate=says(fields, gate),
            sinks=sinks,
        )

    return read


def latent(fields: Fields, layer: int) -> Attention:
    """Multi-head latent attention (DeepSeek), with an indexer where the config has one."""
    rope, nope = fields.number("qk_rope_head_dim"), fields.number("qk_nope_head_dim")
    kinds = fields.get("indexer_types")
    indexed = fields.get("index_topk") is not None and (kinds is None or kinds[layer] != "shared")
    return Attention(
        kind="latent",
        heads=fields.heads,
        kv_heads=1,
        head_dim=nope + rope,
        v_head_dim=fields.number("v_head_dim"),
        kv_lora_rank=fields.number("kv_lora_rank"),
        q_lora_rank=fields.number("q_lora_rank", default=0),
        qk_nope_head_dim=nope,
        qk_rope_head_dim=rope,
        indexer_heads=fields.number("index_n_heads") if indexed else 0,
        indexer_head_dim=fields.number("index_head_dim") if indexed else 0,
    )


def dense(gated: bool = True, bias: Flag = "mlp_bias", *names: str, times: int = 4) -> Width:
    """A dense feed-forward part; `times` the hidden size where the config does not state its width."""

    def read(fields: Fields, layer: int) -> FeedForward:
        stated = names or ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size")
        width = fields.at(layer, *stated, default=times * fields.hidden)
        return FeedForward(width, gated, says(fields, bias))

    return read


def mixture(
    is_sparse: Callable[[Fields, int], bool] = lambda _fields, _layer: True,
    *,
    width: tuple[str, ...] = ("moe_intermediate_size", "intermediate_size"),
    shared: Callable[[Fields], int] = lambda _fields: 0,
    shared_gate: bool = False,
    bias: bool = False,
    router_bias: Flag = False,
    router_float32: bool = False,
    score_correction: Flag = False,
    gated: bool = True,
    otherwise: Width | None = None,
) -> Width:
    """Experts in the layers that `is_sparse` names, a dense part in the others."""

    def read(fields: Fields, layer: int) -> Experts | FeedForward | None:
        count = fields.number(
            *("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), default=0
        )
        if count <= 1 or not is_sparse(fields, layer):
            return (otherwise or dense(gated))(fields, layer)
        per_token = fields.number(
            *(
                "num_experts_per_tok",
                "num_experts_per_token",
                "moe_k",
                "moe_topk",
                "moe_top_k",
                "top_k_experts",
            ),
            default=2,
        )
        return Experts(
            count=count,
            per_token=per_token,
            width=fields.number(*width),
            shared_width=shared(fields),
            shared_gate=shared_gate,
            router_bias=says(fields, router_bias),
            bias=bias,
            gated=gated,
            router_float32=router_float32,
            score_correction=says(fields, score_correction),
        )

    return read


def after_first_dense(fields: Fields, layer: int) -> bool:
    """DeepSeek's rule: the first layers are dense, then every moe_layer_freq-th has experts."""
    if fields.listed("moe_layer_freq"):
        return bool(fields.at(layer, "moe_layer_freq"))
    every_nth = fields.number("moe_layer_freq", default=1)
    return layer >= fields.number("first_k_dense_replace", default=0) and layer % every_nth == 0


def by_sparse_step(fields: Fields, layer: int) -> bool:
    """Qwen's rule: every decoder_sparse_step-th layer, those of mlp_only_layers apart."""
    if layer in fields.get("mlp_only_layers", default=()):
        return False
    return (layer + 1) % fields.number("decoder_sparse_step", default=1) == 0


def shared_experts(fields: Fields) -> int:
    """Width of DeepSeek's shared experts together."""
    return fields.number("n_shared_experts", "num_shared_experts", default=0) * fields.number(
        "moe_intermediate_size"
    )
