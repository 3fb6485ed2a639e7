"""Over how many units vLLM deals a model out: one rule for the plan, for fit and for what is compared."""

from dataclasses import replace

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.catalog.architecture import Architecture, Experts, FeedForward, Layout
from inference_stack.catalog.config import architecture
from inference_stack.catalog.data_files import objects
from inference_stack.planner.dealing import divides, experts_apart, undivided

BF16 = Layout("bf16")


def model(name: str) -> Architecture:
    return architecture(objects("configs")[name])


def with_feed(name: str, **changes: int) -> Architecture:
    """The model with the feed-forward parts of all its blocks changed."""
    made = model(name)
    blocks = tuple(
        (count, replace(block, feed_forward=replace(block.feed_forward, **changes)))
        for count, block in made.blocks
        if isinstance(block.feed_forward, Experts | FeedForward)
    )
    return replace(made, blocks=blocks)


@pytest.mark.parametrize(
    ("name", "width", "what"),
    [
        ("qwen2.5-7b", 8, "28 attention heads"),
        ("qwen2.5-7b", 4, None),
        ("llama-3.1-8b", 16, None),  # eight heads of keys and values, each on two units
        ("mistral-small-3.1-24b", 3, "32 attention heads"),
    ],
)
def test_heads_are_dealt_out_whole(name: str, width: int, what: str | None) -> None:
    assert undivided(model(name), BF16, width) == what


def test_columns_of_the_feed_forward_part_are_dealt_out_whole() -> None:
    odd = with_feed("llama-3.1-8b", width=14335)
    assert undivided(odd, BF16, 2) == "14335 columns of the feed-forward part"
    assert undivided(with_feed("llama-3.1-8b", width=14336), BF16, 2) is None


def test_weights_that_share_a_scale_stay_together() -> None:
    row = CATALOG.models["Qwen/Qwen3-8B-FP8"]
    assert row.layout.group == 128
    narrow = with_feed("qwen3-8b", width=12288 + 128)
    assert undivided(narrow, row.layout, 2) == "12416 columns of the feed-forward part in groups of 128"
    assert undivided(narrow, BF16, 2) is None
    assert divides(row.architecture, row.layout, 2)


def test_experts_stay_whole_where_a_share_of_each_would_cut_a_group_of_scales() -> None:
    row = CATALOG.models["Qwen/Qwen3-235B-A22B-FP8"]  # 128 experts of 1536 columns
    assert not experts_apart(row.architecture, row.layout, 4)
    assert experts_apart(row.architecture, row.layout, 8)
    assert undivided(row.architecture, row.layout, 8) == "1536 columns of an expert in groups of 128"
    assert undivided(row.architecture, row.layout, 8, apart=True) is None
    assert divides(row.architecture, row.layout, 8)


def test_experts_stay_whole_where_their_columns_do_not_divide_and_their_number_must() -> None:
    odd = with_feed("qwen3-30b-a3b", width=767)
    assert experts_apart(odd, BF16, 2)
    assert divides(odd, BF16, 2)
    assert not divides(with_feed("qwen3-30b-a3b", width=767, count=127), BF16, 2)
    assert undivided(with_feed("qwen3-30b-a3b", count=127), BF16, 2, apart=True) == "127 experts"


@pytest.mark.parametrize("row", CATALOG.models.values(), ids=lambda row: row.id)
def test_every_checkpoint_of_the_catalog_runs_on_one_unit(row: object) -> None:
    assert divides(row.architecture, row.layout, 1)  # type: ignore[attr-defined]
