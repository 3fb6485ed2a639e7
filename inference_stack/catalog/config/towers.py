"""Vision and audio encoders with their projectors: what a multimodal checkpoint loads beside the decoder.

Sizes follow vllm/model_executor/models of vLLM 0.29: which layers it builds, and what it deals out.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ..architecture import Tower
from .connectors import CONNECTORS, any_encoder
from .encoders import Count, Vision, clip_or_siglip, encoder, feature_layers, pixtral_encoder
from .fields import Fields
from .items import GATED, VIDEO_STEPS, largest_item


def llava(fields: Fields, vision: Vision) -> Count:
    """LLaVA: features of some layers through two linears; LLaVA-NeXT adds a vector for line breaks."""
    count, text, kind = Count(), fields.hidden, str(fields.outer.get("model_type"))
    layers, features = feature_layers(vision, fields.outer, -1 if kind == "llava_onevision" else -2)
    if vision.config.get("model_type") == "pixtral":
        pixtral_encoder(count, vision, min(layers, vision.layers))
    else:
        clip_or_siglip(count, vision, layers, final_norm=False)
    bias = bool(fields.outer.get("multimodal_projector_bias", True))
    split = kind in ("llava", "llava_next")
    count.linear(vision.hidden * features, text, bias, split="columns" if split else "whole")
    count.linear(text, text, bias, split="rows" if split else "whole")
    if kind in ("llava_next", "llava_onevision"):
        count.whole += text
    return count


def mistral3(fields: Fields, vision: Vision) -> Count:
    """Pixtral, patches merged in squares, two linears."""
    count, text = Count(), fields.hidden
    layers, features = feature_layers(vision, fields.outer, -1)
    pixtral_encoder(count, vision, layers)
    count.tables += 4 * vision.patches * (vision.hidden // vision.heads)
    merge = int(fields.outer.get("spatial_merge_size", 2))
    bias = bool(fields.outer.get("multimodal_projector_bias", False))
    count.whole += vision.hidden
    count.linear(vision.hidden * merge**2, vision.hidden, bias=False)
    count.linear(vision.hidden * features, text, bias, split="columns")
    count.linear(text, text, bias, split="rows")
    return count


def gemma3(fields: Fields, vision: Vision) -> Count:
    """SigLIP, then a norm and one matrix."""
    count = Count()
    clip_or_siglip(count, vision, vision.layers)
    count.whole += vision.hidden
    count.linear(vision.hidden, fields.hidden, bias=False)
    return count


def llama4(fields: Fields, vision: Vision) -> Count:
    """Llama 4: pictures' patches through an encoder, an adapter that halves each side, one matrix."""
    count, hidden = Count(), vision.hidden
    count.linear(vision.patch_inputs, hidden, bias=False, split="columns")
    count.whole += hidden * (vision.patches + 2) + 4 * hidden
    encoder(count, vision, vision.layers)
    count.tables += 8 * (vision.patches + 1) * (hidden // vision.heads // 2)
    shuffled = int(hidden // float(vision.config.get("pixel_shuffle_ratio", 0.5)) ** 2)
    count.linear(shuffled, vision.number("projector_input_dim", default=4096), bias=False, split="columns")
    count.linear(
        vision.number("projector_input_dim", default=4096),
        vision.number("projector_output_dim", default=4096),
        bias=False,
        split="rows",
    )
    count.linear(vision.number("vision_output_dim", default=4096), fields.hidden, bias=False, split="columns")
    return count


def qwen2_vl(fields: Fields, vision: Vision) -> Count:
    """Qwen2-VL: blocks with biases, patches merged by two linears."""
    count, width = Count(), vision.number("embed_dim", "hidden_size")
    inner = int(width * float(vision.config.get("mlp_ratio", 4)))
    layers = vision.layers
    patch = vision.patch_inputs * vision.number("temporal_patch_size", default=2)
    count.linear(patch, width, bias=False)
    for inputs, outputs, split in (
        (width, 3 * width, "columns"),
        (width, width, "rows"),
        (width, inner, "columns"),
        (inner, width, "rows"),
    ):
        count.linear(inputs, outputs, split=split, times=layers)
    count.whole += 4 * width * layers + 2 * width
    count.tables += 2 * 8192 * (width // vision.heads // 2) + INPUT_NORM_BYTES
    merger(
        count, width, vision, vision.number("hidden_size") if "embed_dim" in vision.config else fields.hidden
    )
    return count


def merger(count: Count, width: int, vision: Vision, text: int) -> None:
    """Squares of patches through two linears."""
    merged = width * vision.number("spatial_merge_size", default=2) ** 2
    count.linear(merged, merged, split="columns")
    count.linear(merged, text, split="rows")


INPUT_NORM_BYTES = 24
"""Mean and deviation of three colours in float32."""


def vision_rotary(vision: Vision) -> int:
    """Bytes of Qwen's table for 8192 positions, in 16 bits, over half of a head."""
    return 2 * 8192 * (vision.hidden // vision.heads // 2)


def qwen2_5_vl(fields: Fields, vision: Vision) -> Count:
    """Qwen2.5-VL: gated, with biases; norms without."""
    count, width = Count(), vision.hidden
    patch = vision.patch_inputs * vision.number("temporal_patch_size", default=2)
    count.linear(patch, width, bias=False)
    count.tables += vision_rotary(vision) + INPUT_NORM_BYTES
    encoder(count, vision, vision.layers, gated=True, norms=2)
    count.whole += width
    merger(count, width, vision, vision.number("out_hidden_size", default=fields.hidden))
    return count


def qwen3_vl(fields: Fields, vision: Vision) -> Count:
    """Qwen3-VL: learned positions, and mergers after some layers beside the last."""
    count, width = Count(), vision.hidden
    text = vision.number("out_hidden_size", default=fields.hidden)
    patch = vision.patch_inputs * vision.number("temporal_patch_size", default=2)
    count.linear(patch, width)
    count.whole += vision.number("num_position_embeddings", default=2304) * width
    count.tables += vision_rotary(vision)
    encoder(count, vision, vision.layers)
    count.whole += 2 * width
    merger(count, width, vision, text)
    for _ in cast("list[int]", vision.config.get("deepstack_visual_indexes") or []):
        count.whole += 2 * width * vision.number("spatial_merge_size", default=2) ** 2
        merger(count, width, vision, text)
    return count


def moonvit(fields: Fields, vision: Vision) -> Count:
    """Kimi's MoonViT and its projector."""
    count, width = Count(), vision.hidden
    count.linear(vision.patch_inputs, width)
    side = vision.number("init_pos_emb_height", default=64), vision.number("init_pos_emb_width", default=64)
    count.whole += side[0] * side[1] * width
    count.tables += 2 * vision.number("init_pos_emb_time", default=0) * width
    encoder(count, vision, vision.layers)
    count.whole += 2 * width + 2 * width
    merged = 4 * width
    count.linear(merged, merged)
    count.linear(merged, fields.hidden)
    return count


def gemma4(fields: Fields, vision: Vision) -> Count:
    """Gemma 4: a table of positions for each axis, gated layers with normed heads, a matrix; whole."""
    count, hidden = Count(), vision.hidden
    count.whole += 2 * vision.number("position_embedding_size", default=10240) * hidden
    count.linear(3 * vision.number("patch_size", default=16) ** 2, hidden, bias=False)
    encoder(count, vision, vision.layers, gated=True, bias=False)
    head = vision.number("head_dim", default=hidden // vision.heads)
    count.whole += 2 * head * vision.layers
    count.tables += 2 * 4 * (head // 4)
    count.linear(hidden, fields.hidden, bias=False)
    count.whole, count.split = count.whole + count.split, 0
    return count


TOWERS: dict[str, Callable[[Fields, Vision], Count]] = {
    "llava": llava,
    "llava_next": llava,
    "llava_next_video": llava,
    "llava_onevision": llava,
    "shieldgemma2": gemma3,
    "mistral3": mistral3,
    "gemma3": gemma3,
    "llama4": llama4,
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "qwen3_vl_moe": qwen3_vl,
    "qwen3_5": qwen3_vl,
    "qwen3_5_moe": qwen3_vl,
    "gemma4": gemma4,
    "kimi_vl": moonvit,
    "kimi_k25": moonvit,
    **CONNECTORS,
}


VISION = ("vision_config", "vit_config", "vision_encoder_config")
"""Where a config.json describes its vision encoder."""
TEXT_ONLY = ("qwen3_5", "qwen3_5_moe", "gemma3", "llama4", "gemma4")
"""Types whose checkpoints vLLM also serves without their encoder, if `architectures` asks for it."""


def vision_fields(fields: Fields) -> Vision | None:
    """The vision encoder's fields; None where there is none, or only the decoder is served."""
    stated = next((fields.config[n] for n in VISION if isinstance(fields.config.get(n), Mapping)), None)
    kind = str(fields.config.get("model_type"))
    served = [str(name) for name in fields.config.get("architectures") or ()]
    if stated is None or (kind in TEXT_ONLY and any(name.endswith("ForCausalLM") for name in served)):
        return None
    # Sides of a picture or a patch come as one number or as two equal ones.
    config = cast("Mapping[str, Any]", stated)
    sides = {
        name: config[name] for name in ("image_size", "patch_size") if isinstance(config.get(name), list)
    }
    return Vision({**config, **{name: pair[0] for name, pair in sides.items()}})


def known(fields: Fields) -> bool:
    """Whether the encoder, if there is one, is of a kind that is read exactly."""
    return vision_fields(fields) is None or str(fields.config.get("model_type")) in TOWERS


def towers(fields: Fields) -> tuple[Tower, ...]:
    """The towers that the config describes; an encoder not known by name is read as an ordinary one."""
    vision, kind = vision_fields(fields), str(fields.config.get("model_type"))
    if vision is None:
        return ()
    count = TOWERS.get(kind, any_encoder)(fields, vision)
    item = largest_item(kind, vision.config)
    return (
        Tower(
            kind="vision",
            params=count.split + count.whole,
            layers=vision.layers,
            hidden_size=vision.hidden,
            heads=vision.heads,
            whole=count.whole,
            tables=count.tables,
            width=vision.width,
            gated=kind in GATED,
            item_tokens=item.tokens,
            item_patches=item.patches,
            patch_values=item.values,
            item_steps=VIDEO_STEPS.get(kind, 1),
        ),
    )
