"""Errors of held-out rows, and the ranges that follow from them."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import exp, log, sqrt
from statistics import median
from typing import Any, Literal, NamedTuple

from inference_stack.planner.speed.constants import Situation
from inference_stack.planner.speed.estimate import situation

from .calibrate_speed import CROWD, FOLDS, constants, predicted, shown
from .speed_rows import Measured, measured

HoldOut = Literal["pair", "source"]
Figure = Literal["tpot", "ttft"]
FIGURES: tuple[Figure, ...] = ("tpot", "ttft")
INSIDE = 0.88
"""Part of the held-out rows that factors hold, so that eight in ten of what no source shows yet are held."""
WIDER: dict[Situation, float] = {"measured": 1.0, "by class": 1.5, "unmeasured": 1.75}
"""Exponents on factors where measurements say less: our judgement, two and three times the variance."""


class Judged(NamedTuple):
    """One row as predicted by constants fitted without its pair or source. Figures in seconds."""

    one: Measured
    estimates: Mapping[Figure, float]
    brackets: Mapping[Figure, tuple[float, float]]
    """What the estimate is with less and with more room in the KV cache, where that may bind."""
    width: float
    """Exponent on the factors, by what measurements of other groups show."""

    def seen(self, figure: Figure) -> float | None:
        """What was measured."""
        return self.one.tpot_s if figure == "tpot" else self.one.ttft_s

    def error(self, figure: Figure) -> float | None:
        """Part of the measurement by which the estimate is off."""
        seen = self.seen(figure)
        return None if seen is None else abs(self.estimates[figure] / seen - 1)


@cache
def folds() -> Mapping[str, Mapping[str, float]]:
    """Constants by what was left out."""
    return json.loads(FOLDS.read_text(encoding="utf-8"))


@cache
def held_out(kind: HoldOut) -> tuple[Judged, ...]:
    """Every row, predicted without its group."""
    fitted = {name: constants(values) for name, values in folds().items()}
    found: list[Judged] = []
    rows = {
        group: shown(one for one in measured()[0] if getattr(one, kind) != group)
        for group in {getattr(one, kind) for one in measured()[0]}
    }
    for one in measured()[0]:
        group = getattr(one, kind)
        served, around = predicted(one, fitted[f"{kind} {group}"])
        apart = 1 if one.asked.split_stated else one.asked.replicas
        figures: dict[Figure, list[float]] = {
            "ttft": [it.ttft_s for it in (served, *around)],
            "tpot": [it.tpot_s for it in (served, *around)],
        }
        found.append(
            Judged(
                one,
                {figure: values[0] for figure, values in figures.items()},
                {
                    "tpot": (min(figures["tpot"]) / sqrt(apart), max(figures["tpot"])),
                    "ttft": (min(figures["ttft"]), max(figures["ttft"]) * apart),
                },
                WIDER[situation(one.asked.replica, rows[group])],
            )
        )
    return tuple(found)


def errors(rows: Iterable[Judged], figure: Figure) -> list[float]:
    """Of the rows that have the figure, sorted."""
    return sorted(error for row in rows if (error := row.error(figure)) is not None)


def by(rows: Iterable[Judged], key: Callable[[Measured], str]) -> dict[str, list[Judged]]:
    """Rows by a property of theirs."""
    found: defaultdict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        found[key(row.one)].append(row)
    return dict(sorted(found.items()))


def pair_medians(rows: Iterable[Judged], figure: Figure) -> list[float]:
    """Median error of each pair of model and GPU, sorted."""
    found = [errors(members, figure) for members in by(rows, lambda one: one.pair).values()]
    return sorted(median(members) for members in found if members)


def quantile(ordered: Sequence[float], part: float) -> float:
    """Linear between neighbours."""
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def factors(rows: Sequence[Judged], figure: Figure) -> tuple[float, float]:
    """Factors of a bracket between which INSIDE of the measurements lie; a crowded pair's rows count less.

    Both sides alike: a handful of sources cannot tell on which side of it the next one lies.
    """
    crowd = Counter(row.one.pair for row in rows)
    off: list[tuple[float, float]] = []
    for row in rows:
        seen = row.seen(figure)
        if seen is not None:
            low, high = row.brackets[figure]
            outside = max(log(low / seen), log(seen / high), 0.0)
            off.append((outside / row.width, crowd[row.one.pair] ** CROWD))
    off.sort()
    factor = exp(_weighted(off, INSIDE * sum(weight for _, weight in off)))
    return 1 / factor, factor


def _weighted(ordered: Sequence[tuple[float, float]], at: float) -> float:
    seen = 0.0
    for value, weight in ordered:
        seen += weight
        if seen >= at:
            return value
    return ordered[-1][0]


def ranges() -> dict[str, Any]:
    """What the shipped constants carry of ranges: factors from both hold-outs together, and exponents."""
    rows = [*held_out("pair"), *held_out("source")]
    found = {figure: factors(rows, figure) for figure in FIGURES}
    # Few measurements state a steady throughput; it follows from TTFT and TPOT, mostly from the latter.
    all_figures = {**found, "throughput": (1 / found["tpot"][1], 1 / found["tpot"][0])}
    rounded = {name: (round(low, 3), round(high, 3)) for name, (low, high) in all_figures.items()}
    return {"factors": rounded, "wider": WIDER}


def held_out_factors(kind: HoldOut, figure: Figure) -> Mapping[str, tuple[float, float]]:
    """Factors for each group from the rows of all other groups: what judges the ranges."""
    rows = held_out(kind)
    return {
        name: factors([row for row in rows if getattr(row.one, kind) != name], figure)
        for name in by(rows, lambda one: getattr(one, kind))
    }
