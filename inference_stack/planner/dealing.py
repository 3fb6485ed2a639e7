"""Over how many units vLLM can deal the matrices of a model out."""

from inference_stack.catalog.architecture import (
    Architecture,
    Attention,
    Experts,
    FeedForward,
    Layout,
    Recurrent,
)

PADDED = ("mxfp4", "nvfp4")
"""Layouts whose experts vLLM pads until they divide."""


def divides(architecture: Architecture, layout: Layout, width: int) -> bool:
    """Whether vLLM can deal every matrix out over so many units; KV heads may be copied instead."""
    return all(
        _mixer_divides(block.mixer, layout, width) and _feed_divides(block.feed_forward, layout, width)
        for _, block in architecture.blocks
    )


def experts_apart(architecture: Architecture, layout: Layout, width: int) -> bool:
    """Whether units must hold whole experts: a share of each would cut through a group of scales."""
    feeds = {block.feed_forward for _, block in architecture.blocks}
    return any(
        isinstance(feed, Experts) and not _scales_divide("experts", feed.width, layout, width)
        for feed in feeds
    )


def _mixer_divides(mixer: Attention | Recurrent | None, layout: Layout, width: int) -> bool:
    if isinstance(mixer, Recurrent):
        return mixer.heads % width == 0 or mixer.kind == "short_conv"
    if mixer is None:
        return True
    kv = 1 if mixer.kind == "latent" else mixer.kv_heads
    even = mixer.heads % width == 0 and (kv % width == 0 or width % kv == 0)
    return even and _scales_divide("attention", mixer.heads * mixer.v_head_dim, layout, width)


def _feed_divides(feed: FeedForward | Experts | None, layout: Layout, width: int) -> bool:
    if isinstance(feed, Experts):
        shared = _scales_divide("shared", feed.shared_width, layout, width)
        whole = feed.count % width == 0
        return shared and (
            whole or (feed.width % width == 0 and _scales_divide("experts", feed.width, layout, width))
        )
    return feed is None or (feed.width % width == 0 and _scales_divide("dense", feed.width, layout, width))


def _scales_divide(part: str, inputs: int, layout: Layout, width: int) -> bool:
    """Whether each unit's share of a row is whole groups: weights that share a scale stay together."""
    if part not in layout.parts or layout.group <= 0 or layout.name in PADDED:
        return True
    return inputs // width % layout.group == 0
