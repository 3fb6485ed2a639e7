"""Small prompts keep what a trace says of lengths and of shared beginnings."""

from benchmarks.serving_prompts import (
    BLOCK_TOKENS,
    SMALLER,
    Recorded,
    conversations,
    output_lengths,
    shared_part,
    trace,
)

FIRST, NEXT = Recorded(1100, 80, (0, 1, 2)), Recorded(2000, 8, (0, 1, 3, 4))
OTHER, LONG = Recorded(1024, 800, (0, 9)), Recorded(40_000, 8, tuple(range(100, 179)))


def test_prompts_begin_alike_as_far_as_their_blocks_do() -> None:
    shared = 2 * BLOCK_TOKENS // SMALLER
    assert FIRST.prompt[:shared] == NEXT.prompt[:shared]
    assert FIRST.prompt[shared:] != NEXT.prompt[shared : len(FIRST.prompt)]


def test_a_prompt_is_as_much_shorter_as_all_are() -> None:
    assert [len(each.prompt) for each in (FIRST, NEXT)] == [1100 // SMALLER, 2000 // SMALLER]


def test_conversations_are_kept_whole_and_in_order() -> None:
    recorded = (FIRST, OTHER, NEXT) * 20
    kept = conversations(recorded, 0.5, 1, 4000)
    assert kept == [FIRST.prompt, NEXT.prompt] * 20
    assert conversations(recorded, 1.0, 0, 4000) == [each.prompt for each in recorded]


def test_prompts_that_are_too_long_are_left_out() -> None:
    assert conversations([FIRST, LONG], 1.0, 0, 4000) == [FIRST.prompt]


def test_answers_are_as_much_shorter_and_never_empty() -> None:
    assert set(output_lengths([FIRST, Recorded(1, 1, (0, 1))], 50, 0)) == {80 // SMALLER, 1}


def test_only_whole_blocks_from_the_start_count_as_shared() -> None:
    assert shared_part(["aabb", "aacc"], 2) == 2 / 8
    assert shared_part(["aabb", "xxbb"], 2) == 0
    assert shared_part(["aabb", "aabb"], 3) == 3 / 8


def test_the_trace_has_what_a_draw_of_its_conversations_has_too() -> None:
    drawn = conversations(trace(), 0.03, 0, 4000)
    assert 200 < len(drawn) < 500
    assert 0.25 < shared_part(drawn, 32) < 0.5
