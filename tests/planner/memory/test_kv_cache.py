"""Laws of the KV cache that hold for every model, and what changed between releases."""

from dataclasses import replace
from typing import Any

import pytest

from inference_stack.catalog.architecture import Layout
from inference_stack.catalog.config import architecture
from inference_stack.catalog.data_files import objects
from inference_stack.planner.memory.kv_cache import (
    cache_groups,
    kv_cache,
    kv_tokens,
    longest_context,
    needed_bytes,
    request_bytes,
)
from inference_stack.planner.replica import Engine, Replica, Silicon

GIB = 2**30
ENGINE = Engine(max_model_len=8192, max_num_batched_tokens=8192, max_num_seqs=256)
H100 = Silicon("H100-SXM-80GB", "Hopper", 79.19, 3.35, 989, 1979, None, 900)
VARIED = ("llama-3.1-8b", "gemma-3-12b", "deepseek-v3", "gpt-oss-20b", "qwen3-next-80b-a3b", "llama-4-scout")


def replica(name: str, units: int = 1, **engine: Any) -> Replica:
    settings = replace(ENGINE, **engine)
    return Replica(architecture(objects("configs")[name]), Layout("bf16"), H100, settings, units)


@pytest.mark.parametrize("name", VARIED)
def test_more_bytes_never_hold_fewer_tokens(name: str) -> None:
    held = [kv_tokens(replica(name), size * GIB) for size in range(1, 40)]
    assert held == sorted(held)


@pytest.mark.parametrize("name", VARIED)
def test_the_longest_context_is_the_last_that_starts(name: str) -> None:
    asked, size = replica(name), 2 * GIB
    longest = longest_context(asked, size)
    assert needed_bytes(asked, longest) <= size
    if longest < asked.model.max_position_embeddings:
        assert needed_bytes(asked, longest + 1) > size


def test_no_bytes_hold_nothing() -> None:
    assert kv_cache(replica("llama-3.1-8b"), 0).tokens == 0
    assert longest_context(replica("llama-3.1-8b"), 0) == 0


def test_a_token_of_latent_attention_takes_the_same_on_one_unit_and_on_eight() -> None:
    assert request_bytes(replica("deepseek-v3"), 4096) == request_bytes(replica("deepseek-v3", 8), 4096)


def test_key_value_heads_are_dealt_out_until_each_unit_has_one() -> None:
    one, eight = request_bytes(replica("llama-3.1-8b"), 4096), request_bytes(replica("llama-3.1-8b", 8), 4096)
    sixteen = request_bytes(replica("llama-3.1-8b", 16), 4096)
    assert one == 8 * eight
    assert sixteen == eight


def test_an_fp8_cache_holds_twice_the_tokens() -> None:
    fp8 = replica("llama-3.1-8b", kv_cache_dtype="fp8")
    assert kv_tokens(fp8, 8 * GIB) == 2 * kv_tokens(replica("llama-3.1-8b"), 8 * GIB)


def test_a_checkpoint_that_asks_for_fp8_gets_it_unless_the_user_says_otherwise() -> None:
    asked = replace(replica("llama-3.1-8b"), layout=Layout("bf16", kv_cache_dtype="fp8"))
    stated = replace(asked, engine=replace(asked.engine, kv_cache_dtype="bfloat16"))
    assert kv_tokens(asked, 8 * GIB) == 2 * kv_tokens(stated, 8 * GIB)


def test_sliding_layers_save_only_beyond_their_window_and_the_tokens_in_flight() -> None:
    short, long = (replica("gemma-3-12b", max_model_len=context) for context in (8192, 131072))
    full = replica("gemma-3-12b").model.layers
    per_token = 2 * 2 * 8 * 256
    assert request_bytes(short, 8192) >= full * 8192 * per_token
    assert request_bytes(long, 131072) < full * 131072 * per_token / 2


def test_layers_of_two_kinds_have_tables_of_their_own() -> None:
    assert {group.layer.kind for group in cache_groups(replica("gpt-oss-20b"))} == {"full", "sliding"}
    assert len(cache_groups(replica("llama-3.1-8b"))) == 1


def test_states_are_padded_to_a_page_of_the_attention_layers() -> None:
    groups = cache_groups(replica("qwen3-next-80b-a3b"))
    assert len({group.layer.page for group in groups}) == 1
    assert [group.layer.kind for group in groups].count("state") == 3


def test_logs_before_0_28_state_the_tokens_of_all_blocks_over_the_tables() -> None:
    old = kv_cache(replica("gemma-2-2b", version="0.19.0"), int(66.47 * GIB))
    assert old.tokens == old.blocks // 2 * 16


@pytest.mark.parametrize(
    ("name", "units", "gib", "context", "tokens"),
    [
        ("llama-3.1-8b", 1, 58.11, 8192, 476016),
        ("gemma-3-12b", 1, 47.72, 8192, 130304),
        ("gpt-oss-20b", 2, 59.32, 8192, 2591776),
        ("kimi-vl-a3b", 2, 54.78, 8192, 1890896),
        ("llama-4-scout", 4, 16.75, 8192, 365968),
        ("qwen3-next-80b-a3b", 2, 44.59, 262144, 973760),
    ],
)
def test_public_logs_state_as_many_tokens(
    name: str, units: int, gib: float, context: int, tokens: int
) -> None:
    # The logs round the bytes to 0.01 GiB.
    asked = replica(name, units, max_model_len=context, version="0.19.0")
    assert kv_tokens(asked, int(gib * GIB)) == pytest.approx(tokens, rel=4e-4)
