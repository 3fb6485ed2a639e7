"""Encoders of SigLIP's kind or near it, told apart by what connects them to the decoder."""

from collections.abc import Callable

from .encoders import Count, Vision, clip_or_siglip, encoder, feature_layers
from .fields import Fields


def paligemma(fields: Fields, vision: Vision) -> Count:
    """SigLIP and one linear."""
    count = Count()
    clip_or_siglip(count, vision, vision.layers)
    count.linear(vision.hidden, fields.hidden, split="columns")
    return count


def idefics3(fields: Fields, vision: Vision) -> Count:
    """SigLIP, squares of patches through one matrix."""
    count = Count()
    clip_or_siglip(count, vision, vision.layers)
    count.tables = 0
    scale = int(fields.outer.get("scale_factor", 2))
    count.linear(vision.hidden * scale**2, fields.hidden, bias=False)
    return count


def cohere2(fields: Fields, vision: Vision) -> Count:
    """SigLIP, squares of patches through a gated pair of linears."""
    count = Count()
    clip_or_siglip(count, vision, vision.layers)
    factor, wide = (
        int(fields.outer.get("downsample_factor", 2)),
        fields.outer.get("alignment_intermediate_size"),
    )
    wide = int(wide or 36864)
    count.linear(vision.hidden * factor**2, wide, split="columns")
    count.linear(wide // 2, fields.hidden, split="rows")
    return count


def internvl(fields: Fields, vision: Vision) -> Count:
    """InternViT: layer scales, squares of patches through a norm and two linears."""
    count, hidden = Count(), vision.hidden
    count.linear(vision.patch_inputs, hidden)
    count.whole += hidden * (vision.patches + 2)
    encoder(count, vision, vision.layers, norms=6)
    if not vision.config.get("qkv_bias", vision.config.get("attention_bias", False)):
        count.split -= 3 * hidden * vision.layers
    if vision.config.get("qk_normalization") or vision.config.get("use_qk_norm"):
        count.whole += 2 * hidden * vision.layers
    squares = int(hidden / float(fields.outer.get("downsample_ratio", 0.5)) ** 2)
    count.whole += 2 * squares
    count.linear(squares, fields.hidden)
    count.linear(fields.hidden, fields.hidden)
    return count


def glm4v(fields: Fields, vision: Vision) -> Count:
    """GLM-4V: gated without biases, a convolution that halves each side, a gated merger."""
    count, hidden, text = Count(), vision.hidden, vision.number("out_hidden_size", default=fields.hidden)
    count.linear(vision.patch_inputs * vision.number("temporal_patch_size", default=2), hidden)
    count.whole += hidden * (vision.patches + 2)
    count.tables += 2 * 8192 * (hidden // vision.heads // 2) + 8 * vision.patches
    width = text
    count.linear(hidden, 3 * hidden, bias=False, split="columns", times=vision.layers)
    count.linear(hidden, hidden, bias=False, split="rows", times=vision.layers)
    count.linear(hidden, 2 * width, bias=False, split="columns", times=vision.layers)
    count.linear(width, hidden, bias=False, split="rows", times=vision.layers)
    count.whole += 2 * hidden * vision.layers
    count.linear(hidden * vision.number("spatial_merge_size", default=2) ** 2, text)
    merged = vision.number("intermediate_size", default=13696)
    count.linear(text, text, bias=False, split="columns")
    count.whole += 2 * text
    count.linear(text, 2 * merged, bias=False, split="columns")
    count.linear(merged, text, bias=False, split="rows")
    return count


def any_encoder(fields: Fields, vision: Vision) -> Count:
    """An encoder that is not known by name: patches, layers with biases, two linears into the decoder."""
    count = Count()
    layers, _ = feature_layers(vision, fields.outer, -1)
    count.linear(vision.patch_inputs, vision.hidden)
    count.whole += vision.hidden * (vision.patches + 2)
    encoder(count, vision, min(layers, vision.layers))
    merge = vision.number("spatial_merge_size", default=2)
    count.linear(vision.hidden * merge**2, fields.hidden)
    count.linear(fields.hidden, fields.hidden)
    return count


CONNECTORS: dict[str, Callable[[Fields, Vision], Count]] = {
    "paligemma": paligemma,
    "idefics3": idefics3,
    "smolvlm": idefics3,
    "cohere2_vision": cohere2,
    "internvl": internvl,
    "internvl_chat": internvl,
    "interns1": internvl,
    "skywork_chat": internvl,
    "glm4v": glm4v,
    "glm4v_moe": glm4v,
}
