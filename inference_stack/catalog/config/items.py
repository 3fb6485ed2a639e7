"""The largest picture that a vision encoder is given: vLLM profiles itself with it.

Sizes are those of the processors of transformers and of `get_image_size_with_most_features` in vLLM 0.29.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

PIXEL_BUDGETS = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), 16384),
    "kimi_vl": 1024,
    "kimi_k25": 4096,
}
"""Tokens of the largest picture where the processor states its most pixels."""
TILES = {"llama4": 17, "llava_next": 11, "llava_onevision": 10}
"""Squares that the largest picture is cut into, the whole picture among them."""
TOKENS = {"gemma3": 256, "gemma4": 280}
"""Tokens of any picture."""
VIDEO_STEPS = {"qwen2_vl": 7, "qwen2_5_vl": 7}
"""Steps of time of the longest video (vLLM's 14 frames, two a step) where it beats the largest picture."""
GATED = ("qwen2_5_vl", "pixtral", "mistral3", "gemma4")
"""Families whose encoder has gated feed-forward parts."""
HELD_IN_FLOAT32 = ("kimi_vl", "kimi_k25")
"""Models whose processor's float32 values stay beside their 16-bit copy."""


class Item(NamedTuple):
    """A picture as an encoder sees it."""

    tokens: int
    """That the decoder gets."""
    patches: int
    values: int
    """16-bit input values of a patch."""


def largest_item(model_type: str, vision: Mapping[str, Any]) -> Item:
    """Of a family; where it is not known, one picture of the stated size with four patches a token."""
    patch = int(vision.get("patch_size") or 14)
    side = int(vision.get("image_size") or 896) // patch
    values = 3 * patch**2 * int(vision.get("temporal_patch_size") or 1)
    values *= 3 if model_type in HELD_IN_FLOAT32 else 1
    if model_type in PIXEL_BUDGETS:
        tokens = PIXEL_BUDGETS[model_type]
        return Item(tokens, 4 * tokens, values)
    if model_type in TOKENS:
        tokens = TOKENS[model_type]
        return Item(tokens, side**2 if model_type == "gemma3" else 9 * tokens, values)
    tiles = TILES.get(model_type, 1)
    merged = 1 if model_type.startswith("llava") else 4
    return Item(tiles * side**2 // merged, tiles * side**2, values)
