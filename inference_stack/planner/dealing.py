"""Over how many units vLLM can deal a model out, and what forbids the other numbers."""

from collections.abc import Iterator
from itertools import chain

from inference_stack.catalog.architecture import (
    Architecture,
    Attention,
    Block,
    Experts,
    FeedForward,
    Layout,
    Recurrent,
)

PADDED = ("mxfp4", "nvfp4")
"""Layouts whose experts vLLM pads until they divide."""


def undivided(model: Architecture, layout: Layout, width: int, *, apart: bool = False) -> str | None:
    """What of a model cannot be dealt out over so many units, with its number; None if all can.

    `apart`: whether units hold whole experts rather than a share of each.
    """
    found = (each for _, block in model.blocks for each in _of_block(block, layout, width, apart=apart))
    return next(chain(found, _of_towers(model, width)), None)


def divides(model: Architecture, layout: Layout, width: int) -> bool:
    """Whether vLLM can deal everything out, with experts apart where they have to be."""
    return undivided(model, layout, width, apart=experts_apart(model, layout, width)) is None


def experts_apart(model: Architecture, layout: Layout, width: int) -> bool:
    """Whether units must hold whole experts: a share of each would cut a column or a group of scales."""
    feeds = {block.feed_forward for _, block in model.blocks}
    return any(isinstance(feed, Experts) and any(_of_experts(feed, layout, width)) for feed in feeds)


def _of_block(block: Block, layout: Layout, width: int, *, apart: bool) -> Iterator[str]:
    for mixer in (block.mixer, block.beside):
        if isinstance(mixer, Attention):
            yield from _of_attention(mixer, layout, width)
        elif mixer is not None:
            yield from _of_recurrent(mixer, width)
    feed = block.feed_forward
    if isinstance(feed, FeedForward):
        yield from _of_columns("the feed-forward part", "dense", feed.width, layout, width)
    elif feed is not None:
        yield from _of_columns("the shared experts", "shared", feed.shared_width, layout, width)
        if not apart:
            yield from _of_experts(feed, layout, width)
        elif feed.count % width:
            yield f"{feed.count} experts"


def _of_attention(mixer: Attention, layout: Layout, width: int) -> Iterator[str]:
    if mixer.heads % width:
        yield f"{mixer.heads} attention heads"
    # Fewer heads of keys and values than units are copied; latent attention has one for all.
    elif mixer.kind != "latent" and mixer.kv_heads % width and width % mixer.kv_heads:
        yield f"{mixer.kv_heads} key-value heads"
    elif not _scales_divide("attention", mixer.heads * mixer.v_head_dim, layout, width):
        yield f"{mixer.heads * mixer.v_head_dim} columns of attention in groups of {layout.group}"


def _of_recurrent(mixer: Recurrent, width: int) -> Iterator[str]:
    if (mixer.heads if mixer.heads > 1 else mixer.inner_size) % width:
        yield f"{mixer.heads if mixer.heads > 1 else mixer.inner_size} recurrent heads"


def _of_experts(feed: Experts, layout: Layout, width: int) -> Iterator[str]:
    yield from _of_columns("an expert", "experts", feed.width, layout, width)


def _of_columns(what: str, part: str, columns: int, layout: Layout, width: int) -> Iterator[str]:
    if columns % width:
        yield f"{columns} columns of {what}"
    elif not _scales_divide(part, columns, layout, width):
        yield f"{columns} columns of {what} in groups of {layout.group}"


def _of_towers(model: Architecture, width: int) -> Iterator[str]:
    for tower in model.towers:
        if tower.split and tower.whole < tower.params and tower.width % width:
            yield f"{tower.width} columns of the {tower.kind} encoder"


def _scales_divide(part: str, inputs: int, layout: Layout, width: int) -> bool:
    """Whether each unit's share of a row is whole groups: weights that share a scale stay together."""
    if part not in layout.parts or layout.group <= 0 or layout.name in PADDED:
        return True
    return inputs // width % layout.group == 0
