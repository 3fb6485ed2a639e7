"""Vision and audio encoders with their projectors: what a multimodal checkpoint loads beside the decoder.

Sizes follow vllm/model_executor/models of vLLM 0.29: which layers it builds, and what it deals out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..architecture import Tower
from .fields import Fields
from .items import GATED, VIDEO_STEPS, largest_item


@dataclass
class Count:
    """Parameters: those dealt out over the ranks, and those that every rank holds whole."""

    split: int = 0
    whole: int = 0
    tables: int = 0

    def linear(
        self, inputs: int, outputs: int, bias: bool = True, *, split: str = "whole", times: int = 1
    ) -> None:
        """A matrix split by columns or by rows (whose bias is whole), or not at all."""
        weights, biases = inputs * outputs * times, outputs * times if bias else 0
        if split == "whole":
            self.whole += weights + biases
        elif split == "columns":
            self.split += weights + biases
        else:
            self.split += weights
            self.whole += biases


class Vision:
    """The fields of a vision_config."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def number(self, *names: str, default: int | None = None) -> int:
        """A whole number under one of these names."""
        for name in names:
            if isinstance(self.config.get(name), int | float):
                return int(self.config[name])
        if default is None:
            raise KeyError(names[0])
        return default

    @property
    def hidden(self) -> int:
        """Width of the hidden states."""
        return self.number("hidden_size", "vt_hidden_size", "embed_dim", default=1024)

    @property
    def width(self) -> int:
        """Width of the feed-forward part."""
        return self.number("intermediate_size", "vt_intermediate_size", default=4 * self.hidden)

    @property
    def layers(self) -> int:
        """Layers of the encoder."""
        return self.number("num_hidden_layers", "depth", "vt_num_hidden_layers", "layers", default=24)

    @property
    def heads(self) -> int:
        """Heads of the encoder."""
        return self.number("num_attention_heads", "num_heads", "vt_num_attention_heads", default=16)

    @property
    def patches(self) -> int:
        """Patches of one picture of the stated size."""
        return (self.number("image_size", default=336) // self.number("patch_size", default=14)) ** 2

    @property
    def patch_inputs(self) -> int:
        """Numbers of one patch."""
        return self.number("num_channels", "in_channels", "in_chans", default=3) * (
            self.number("patch_size", default=14) ** 2
        )


def encoder(
    count: Count, vision: Vision, layers: int, *, gated: bool = False, bias: bool = True, norms: int = 4
) -> None:
    """Layers of attention and feed-forward; `norms` vectors of the hidden width each."""
    hidden, width = vision.hidden, vision.width
    count.linear(hidden, 3 * hidden, bias, split="columns", times=layers)
    count.linear(hidden, hidden, bias, split="rows", times=layers)
    count.linear(hidden, (2 if gated else 1) * width, bias, split="columns", times=layers)
    count.linear(width, hidden, bias, split="rows", times=layers)
    count.whole += norms * hidden * layers


def feature_layers(vision: Vision, outer: Mapping[str, Any], default: int) -> tuple[int, int]:
    """How many layers are built for the features that are asked for, and how many features there are."""
    wanted = outer.get("vision_feature_layer", default)
    each = [wanted] if isinstance(wanted, int) else list(cast("list[int]", wanted or [default]))
    return max(vision.layers + layer + 1 if layer < 0 else layer for layer in each), len(each)


def clip_or_siglip(count: Count, vision: Vision, layers: int) -> None:
    """A CLIP or SigLIP encoder, without the final norm where its last layers are left out."""
    hidden = vision.hidden
    siglip = "siglip" in str(vision.config.get("model_type", ""))
    count.linear(vision.patch_inputs, hidden, bias=siglip)
    count.whole += hidden * (vision.patches + (0 if siglip else 1))
    count.whole += 0 if siglip else hidden + 2 * hidden
    count.tables += 8 * (vision.patches + (0 if siglip else 1))
    encoder(count, vision, layers)
    if layers == vision.layers:
        count.whole += 2 * hidden


def llava(fields: Fields, vision: Vision) -> Count:
    """LLaVA: features of some layers through two linears; LLaVA-NeXT adds a vector for line breaks."""
    count, text = Count(), fields.hidden
    layers, features = feature_layers(vision, fields.outer, -2)
    if vision.config.get("model_type") == "pixtral":
        layers = vision.layers if layers > vision.layers else layers
        pixtral_encoder(count, vision, layers)
    else:
        clip_or_siglip(count, vision, layers)
    bias = bool(fields.outer.get("multimodal_projector_bias", True))
    count.linear(vision.hidden * features, text, bias, split="columns")
    count.linear(text, text, bias, split="rows")
    if fields.outer.get("model_type") != "llava":
        count.whole += text
    return count


def pixtral_encoder(count: Count, vision: Vision, layers: int) -> None:
    """Pixtral: gated, without biases, one norm before."""
    count.linear(vision.patch_inputs, vision.hidden, bias=False)
    count.whole += vision.hidden
    encoder(count, vision, layers, gated=True, bias=False, norms=2)


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
    merger(count, width, vision, fields.hidden)
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
    merger(count, width, vision, fields.hidden)
    return count


def qwen3_vl(fields: Fields, vision: Vision) -> Count:
    """Qwen3-VL: learned positions, and mergers after some layers beside the last."""
    count, width, text = Count(), vision.hidden, fields.hidden
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
    """Gemma 4: a table of positions for each axis, gated layers with normed heads, one matrix; not dealt out."""
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
}


def towers(fields: Fields) -> tuple[Tower, ...]:
    """The towers that the config describes; none where it has no vision_config or its kind is not known."""
    config = fields.config.get("vision_config")
    read = TOWERS.get(str(fields.config.get("model_type")))
    if read is None or not isinstance(config, Mapping):
        return ()
    vision = Vision(cast("Mapping[str, Any]", config))
    count = read(fields, vision)
    item = largest_item(str(fields.config.get("model_type")), vision.config)
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
            gated=str(fields.config.get("model_type")) in GATED,
            item_tokens=item.tokens,
            item_patches=item.patches,
            patch_values=item.values,
            item_steps=VIDEO_STEPS.get(str(fields.config.get("model_type")), 1),
        ),
    )
