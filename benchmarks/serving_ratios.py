"""Ratios of two series of measurements that were taken in turn, with how sure they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
"""Bootstrap samples; more change the second digit of an interval at most."""
SURE = 0.95
"""Part of the bootstrap samples that lies within an interval."""

Samples = Sequence[float]


@dataclass(frozen=True)
class Ratio:
    """A ratio and the range that was seen, or that is likely."""

    value: float
    low: float
    high: float


def paired(this: Samples, other: Samples) -> Ratio:
    """The median of the ratios of few pairs, and the least and the most of them."""
    ratios = [one / two for one, two in zip(this, other, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def of_quantiles(this: Samples, other: Samples, quantile: float, *, block: int = 10) -> Ratio:
    """The ratio of a quantile of many pairs, with its bootstrap interval.

    Pairs are drawn in blocks of neighbours, circularly: what slows a machine down lasts longer than a pair.
    """
    pairs = np.array([this, other])
    length = pairs.shape[1]
    drawn = pairs[:, _blocks(length, min(block, length))]
    above, below = np.quantile(drawn, quantile, axis=2)
    tail = (1 - SURE) / 2
    low, high = np.quantile(above / below, (tail, 1 - tail))
    above, below = np.quantile(pairs, quantile, axis=1)
    return Ratio(float(above / below), float(low), float(high))


def _blocks(length: int, block: int) -> NDArray[np.int64]:
    """Indices of each bootstrap sample, one a row; the same for the same lengths."""
    starts = np.random.default_rng(0).integers(0, length, size=(DRAWS, -(-length // block)))
    indices = (starts[:, :, None] + np.arange(block)) % length
    return indices.reshape(DRAWS, -1)[:, :length]
