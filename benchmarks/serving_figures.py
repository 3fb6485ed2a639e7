"""What came of measurements: figures with and without what is compared, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .serving_ratios import Ratio, of_quantiles, paired

Samples = list[float]


@dataclass(frozen=True)
class Figure:
    """One figure with what is compared and without it."""

    what: str
    this: float
    """With it: the median."""
    other: float
    ratio: Ratio
    spread: str
    """What the range of the ratio is."""
    samples: tuple[Samples, Samples] = field(default_factory=lambda: ([], []))
    """All that was measured, with it and without."""

    @classmethod
    def of_pairs(cls, what: str, this: Samples, other: Samples) -> "Figure":
        """From few pairs: their range is what was seen."""
        spread = f"least and most of {len(this)}"
        return cls(what, median(this), median(other), paired(this, other), spread, (this, other))

    @classmethod
    def of_many(cls, what: str, this: Samples, other: Samples, quantile: float = 0.5) -> "Figure":
        """From many pairs: the range is the bootstrap interval."""
        at = [sorted(each)[int(quantile * (len(each) - 1))] for each in (this, other)]
        spread = f"95 % interval of {len(this)}"
        return cls(what, *at, of_quantiles(this, other, quantile), spread, (this, other))


@dataclass(frozen=True)
class Result:
    """What came of a measurement."""

    name: str
    title: str
    figures: Sequence[Figure]
    seconds: float


def table(results: Sequence[Result]) -> Table:
    """All figures."""
    found = Table("", "figure", "with", "without", "ratio", "range", "", box=SIMPLE_HEAD)
    for result in results:
        for number, each in enumerate(result.figures):
            found.add_row(
                "" if number else result.title,
                each.what,
                f"{each.this:.4g}",
                f"{each.other:.4g}",
                f"{each.ratio.value:.3f}",
                f"{each.ratio.low:.3f} – {each.ratio.high:.3f}",
                each.spread,
                end_section=each is result.figures[-1],
            )
    return found
