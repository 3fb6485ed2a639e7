"""Ratios of paired measurements, and how sure they are."""

import random
from dataclasses import astuple

import pytest

from benchmarks.serving_ratios import Ratio, of_quantiles, paired


def test_few_pairs_give_their_median_and_all_that_was_seen() -> None:
    assert paired([2, 9, 4], [1, 3, 4]) == Ratio(2, 1, 3)


def test_pairs_that_are_not_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired([1, 2], [1])


def _alike(seed: int, factor: float = 1.0) -> list[float]:
    chance = random.Random(seed)  # noqa: S311
    return [factor * chance.lognormvariate(0, 0.2) for _ in range(400)]


def test_the_interval_of_many_pairs_holds_what_is_true() -> None:
    found = of_quantiles(_alike(1, 1.2), _alike(2), 0.5)
    assert found.low < 1.2 < found.high
    assert found.low > 1.1


def test_two_that_are_alike_are_not_told_apart() -> None:
    found = of_quantiles(_alike(1), _alike(2), 0.95)
    assert found.low < 1 < found.high


def test_what_slows_both_alike_does_not_widen_the_interval() -> None:
    slow = [1.0] * 200 + [3.0] * 200
    noisy = of_quantiles([x * s for x, s in zip(_alike(1), slow, strict=True)], slow, 0.5)
    pairs = of_quantiles([1.1 * s for s in slow], slow, 0.5)
    assert astuple(pairs) == pytest.approx((1.1, 1.1, 1.1))
    assert noisy.low < noisy.high


def test_neighbours_that_are_alike_make_it_less_sure_than_their_number_says() -> None:
    chance = random.Random(3)  # noqa: S311
    spells = [each for _ in range(40) for each in [chance.lognormvariate(0, 0.2)] * 10]
    by_block, by_pair = (of_quantiles(spells, [1.0] * 400, 0.5, block=block) for block in (20, 1))
    assert by_block.high - by_block.low > 1.5 * (by_pair.high - by_pair.low)
