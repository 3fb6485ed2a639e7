"""Families with recurrent layers: Mamba, gated delta rule, short convolutions."""

from ..architecture import Attention, Experts, FeedForward, Recurrent
from .dense import partly_rotary
from .family import Family, default_rotary, no_rotary
from .fields import Fields
from .parts import attention, by_sparse_step, dense, layer_type, mixture


def float32_state(fields: Fields, default: bool = False) -> bool:
    """Whether the config asks for a float32 state."""
    stated = fields.get("mamba_ssm_cache_dtype", "mamba_ssm_dtype")
    return default if stated is None else str(stated) == "float32"


def mamba2(fields: Fields) -> Recurrent:
    """A Mamba-2 mixer, under the names of its several families."""
    heads = fields.number("mamba_num_heads", "mamba_n_heads", "num_heads", "n_mamba_heads")
    width = fields.get("mamba_head_dim", "mamba_d_head", "mamba_headdim")
    expand = fields.number("mamba_expand", "expand", default=2)
    inner = fields.number("mamba_d_ssm", default=0)
    if not isinstance(width, int):
        stated = fields.get("head_dim") if fields.model_type == "mamba2" else None
        width = int(stated) if stated else (inner or expand * fields.hidden) // heads
    return Recurrent(
        kind="mamba2",
        heads=heads,
        head_dim=width,
        state_size=fields.number("ssm_state_size", "mamba_d_state", "state_size"),
        conv_kernel=fields.number("conv_kernel", "mamba_d_conv", "conv_kernel_size", default=4),
        groups=fields.number("n_groups", "mamba_n_groups", "mamba_ngroups", default=1),
        inner_size=inner or heads * width,
        bias=fields.flag("mamba_proj_bias") or fields.flag("use_bias") or fields.flag("add_bias_linear"),
        conv_bias=bool(fields.get("mamba_conv_bias", "use_conv_bias", default=True)),
        gated_norm=fields.flag("mamba_rms_norm", default=True),
        state_float32=float32_state(fields, fields.model_type == "nemotron_h"),
    )


def mamba1(fields: Fields) -> Recurrent:
    """A Mamba-1 mixer."""
    inner = fields.get("mamba_expand", "expand", default=2) * fields.hidden
    if fields.model_type != "jamba":
        inner = fields.number("intermediate_size", default=int(inner))
    rank = fields.get("mamba_dt_rank", "time_step_rank", default="auto")
    return Recurrent(
        kind="mamba1",
        heads=1,
        head_dim=int(inner),
        state_size=fields.number("mamba_d_state", "state_size", default=16),
        conv_kernel=fields.number("mamba_d_conv", "conv_kernel", default=4),
        inner_size=int(inner),
        bias=bool(fields.get("mamba_proj_bias", "use_bias", default=False)),
        conv_bias=bool(fields.get("mamba_conv_bias", "use_conv_bias", default=True)),
        time_step_rank=-(-fields.hidden // 16) if rank == "auto" else int(rank),
        inner_norms=fields.model_type == "jamba",
    )


def gated_delta(fields: Fields) -> Recurrent:
    """A gated delta rule mixer (Qwen3-Next)."""
    heads = fields.number("linear_num_value_heads")
    width = fields.number("linear_value_head_dim")
    return Recurrent(
        kind="gated_delta",
        heads=heads,
        head_dim=width,
        state_size=fields.number("linear_key_head_dim"),
        conv_kernel=fields.number("linear_conv_kernel_dim", default=4),
        key_heads=fields.number("linear_num_key_heads"),
        key_head_dim=fields.number("linear_key_head_dim"),
        state_float32=float32_state(fields),
        inner_size=heads * width,
    )


def qwen_next_mixer(fields: Fields, layer: int) -> Attention | Recurrent:
    """Gated attention in every full_attention_interval-th layer, the delta rule in the others."""
    kind = layer_type(fields, layer)
    interval = fields.number("full_attention_interval", default=4)
    full = kind == "full_attention" if kind else (layer + 1) % interval == 0
    whole = attention(qk_norm="head", gate=True, window=lambda _fields, _layer: None)
    return whole(fields, layer) if full else gated_delta(fields)


QWEN_NEXT = mixture(
    by_sparse_step,
    shared=lambda fields: fields.number("shared_expert_intermediate_size", default=0),
    shared_gate=True,
)


def olmo_hybrid_mixer(fields: Fields, layer: int) -> Attention | Recurrent:
    """Attention where the config lists it, else in every fourth layer."""
    kind = layer_type(fields, layer)
    full = kind == "full_attention" if kind else layer % 4 == 3
    return attention(qk_norm="whole")(fields, layer) if full else gated_delta(fields)


def jamba_mixer(fields: Fields, layer: int) -> Attention | Recurrent:
    """Attention in every attn_layer_period-th layer."""
    period, offset = (
        fields.number("attn_layer_period", default=8),
        fields.number("attn_layer_offset", default=4),
    )
    return attention(False)(fields, layer) if layer % period == offset else mamba1(fields)


def jamba_is_sparse(fields: Fields, layer: int) -> bool:
    """Experts in every expert_layer_period-th layer."""
    period = fields.number("expert_layer_period", default=2)
    return layer % period == fields.number("expert_layer_offset", default=1)


def mamba_or_attention(fields: Fields, layer: int) -> Attention | Recurrent:
    """As the config lists its layers."""
    indices = fields.get("attn_layer_indices")
    kind = layer_type(fields, layer)
    full = layer in indices if indices is not None else kind in ("attention", "full_attention")
    return attention()(fields, layer) if full else mamba2(fields)


def granite_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward | None:
    """Experts behind a shared part, or the shared part alone."""
    shared = fields.number("shared_intermediate_size", default=0)
    if fields.number("num_local_experts", default=0) == 0:
        return FeedForward(shared)
    return mixture(width=("intermediate_size",), shared=lambda _fields: shared)(fields, layer)


def nemotron_pattern(fields: Fields) -> str:
    """One letter a layer: M a Mamba mixer, * attention, - a dense part, E experts."""
    listed = fields.get("layers_block_type")
    if listed:
        letters = {"mamba": "M", "linear_attention": "M", "attention": "*", "full_attention": "*"}
        letters |= {"mlp": "-", "moe": "E"}
        return "".join(letters[str(kind)] for kind in listed)
    return str(fields.get("hybrid_override_pattern", default="")).replace("|", "")


def nemotron_mixer(fields: Fields, layer: int) -> Attention | Recurrent | None:
    """The mixer of a layer that has one."""
    match nemotron_pattern(fields)[layer]:
        case "M":
            return mamba2(fields)
        case "*":
            return attention()(fields, layer)
        case _:
            return None


def nemotron_feed_forward(fields: Fields, layer: int) -> Experts | FeedForward | None:
    """The feed-forward part of a layer that has one."""
    match nemotron_pattern(fields)[layer]:
        case "-":
            return dense(False)(fields, layer)
        case "E":
            return Experts(
                count=fields.number("n_routed_experts"),
                per_token=fields.number("num_experts_per_tok"),
                width=fields.number("moe_intermediate_size"),
                shared_width=fields.number("n_shared_experts", default=0)
                * fields.number("moe_shared_expert_intermediate_size", default=0),
                gated=False,
                score_correction=True,
                latent_size=fields.number("moe_latent_size", default=0),
            )
        case _:
            return None


def lfm2_mixer(fields: Fields, layer: int) -> Attention | Recurrent:
    """Attention where the config lists it, short convolutions elsewhere."""
    indices, kind = fields.get("full_attn_idxs"), layer_type(fields, layer)
    full = kind == "full_attention" if kind else layer in (indices or range(fields.layers))
    if full:
        return attention(False, qk_norm="head", window=lambda _fields, _layer: None)(fields, layer)
    return Recurrent(
        *("short_conv", 1, fields.hidden, 0, fields.number("conv_L_cache", default=3)),
        inner_size=fields.hidden,
        bias=fields.flag("conv_bias"),
        conv_bias=fields.flag("conv_bias"),
    )


def lfm2_width(fields: Fields, _layer: int) -> FeedForward:
    """Two thirds of the stated width, adjusted and rounded up, unless the config takes it as it is."""
    width = fields.number("block_ff_dim", "intermediate_size", default=fields.number("intermediate_size"))
    if fields.flag("block_auto_adjust_ff_dim", default=True):
        width = int(2 * width / 3)
        width = int(float(fields.get("block_ffn_dim_multiplier", default=1.0)) * width)
        multiple = fields.number("block_multiple_of", default=256)
        width = multiple * -(-width // multiple)
    return FeedForward(width)


def multipliers(fields: Fields, _layer: int) -> int:
    """Falcon-H1 keeps a factor for each output of its Mamba projection."""
    mixer = mamba2(fields)
    return 2 * mixer.inner_size + 2 * mixer.groups * mixer.state_size + mixer.heads


RECURRENT: dict[str, Family] = {
    "qwen3_next": Family(qwen_next_mixer, QWEN_NEXT, rotary=partly_rotary(0.25)),
    "qwen3_5_text": Family(qwen_next_mixer, dense(), rotary=partly_rotary(0.25)),
    "qwen3_5_moe_text": Family(qwen_next_mixer, QWEN_NEXT, rotary=partly_rotary(0.25)),
    "mamba": Family(
        lambda fields, _layer: mamba1(fields),
        lambda _fields, _layer: None,
        norms=1,
        rotary=no_rotary,
        tied=True,
    ),
    "falcon_mamba": Family(
        lambda fields, _layer: mamba1(fields),
        lambda _fields, _layer: None,
        norms=1,
        rotary=no_rotary,
        tied=True,
    ),
    "mamba2": Family(
        lambda fields, _layer: mamba2(fields), lambda _fields, _layer: None, norms=1, rotary=no_rotary
    ),
    "jamba": Family(jamba_mixer, mixture(jamba_is_sparse, width=("intermediate_size",)), rotary=no_rotary),
    "bamba": Family(mamba_or_attention, dense(), rotary=partly_rotary(0.5)),
    "granitemoehybrid": Family(
        mamba_or_attention,
        granite_feed_forward,
        rotary=lambda fields: (
            default_rotary(fields) if fields.get("position_embedding_type") == "rope" else ()
        ),
    ),
    "falcon_h1": Family(
        attention(), dense(), beside=lambda fields, _layer: mamba2(fields), further=multipliers
    ),
    "nemotron_h": Family(
        nemotron_mixer,
        nemotron_feed_forward,
        norms=1,
        rotary=no_rotary,
        layers=lambda fields: len(nemotron_pattern(fields)),
    ),
    "olmo_hybrid": Family(olmo_hybrid_mixer, dense()),
    "lfm2": Family(lfm2_mixer, lfm2_width, tied=True),
    "lfm2_moe": Family(
        lfm2_mixer,
        mixture(
            lambda fields, layer: layer >= fields.number("num_dense_layers", default=0),
            score_correction="use_expert_bias",
        ),
        tied=True,
    ),
}
