"""How far `inference-stack throughput` is from public measurements: `python -m benchmarks.speed`.

Every row is predicted by constants that were fitted without its pair of model and GPU, and once more without
its whole source. Ranges are those that the other groups' errors give.
"""

import json
import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from .speed_errors import (
    FIGURES,
    Figure,
    HoldOut,
    Judged,
    by,
    errors,
    held_out,
    held_out_factors,
    pair_medians,
    quantile,
)
from .speed_rows import Measured, measured

HOLD_OUTS: tuple[HoldOut, ...] = ("pair", "source")
MANY = 10
"""Rows of a pair from which its coverage alone means something."""


class Score(NamedTuple):
    """Errors of one figure under one hold-out; parts of the measurement, not per cent."""

    rows: int
    pairs: int
    row_median: float
    row_p80: float
    pair_median: float
    pair_p80: float
    covered: float
    width: float
    """Median of high over low."""
    worst_pair: str
    """Of those of MANY rows or more, the one whose ranges hold the least."""
    worst_covered: float


def covered(rows: Sequence[Judged], figure: Figure, kind: HoldOut) -> dict[str, tuple[float, float]]:
    """By row: 1 where the range holds the measurement, and high over low."""
    factors = held_out_factors(kind, figure)
    found: dict[str, tuple[float, float]] = {}
    for row in rows:
        seen = row.seen(figure)
        if seen is None:
            continue
        below, above = factors[getattr(row.one, kind)]
        low, high = row.brackets[figure][0] * below**row.width, row.brackets[figure][1] * above**row.width
        found[row.one.id] = (float(low <= seen <= high), high / low)
    return found


def score(kind: HoldOut, figure: Figure) -> Score:
    """All rows under one hold-out."""
    rows = held_out(kind)
    found, pairs = errors(rows, figure), pair_medians(rows, figure)
    ranges = covered(rows, figure, kind)
    shares = {
        pair: sum(ranges[row.one.id][0] for row in members if row.one.id in ranges) / len(members)
        for pair, members in by(rows, lambda one: one.pair).items()
        if len(members) >= MANY
    }
    worst = min(shares, key=lambda pair: shares[pair])
    return Score(
        rows=len(found),
        pairs=len(pairs),
        row_median=median(found),
        row_p80=quantile(found, 0.8),
        pair_median=median(pairs),
        pair_p80=quantile(pairs, 0.8),
        covered=sum(inside for inside, _ in ranges.values()) / len(ranges),
        width=median(width for _, width in ranges.values()),
        worst_pair=worst,
        worst_covered=shares[worst],
    )


def summary() -> Table:
    """Both figures under both hold-outs."""
    columns = (
        "figure, left out",
        "rows",
        "median",
        "80th pct",
        "pairs",
        "median",
        "80th pct",
        "in range",
        "width",
    )
    table = _table("Held-out errors of TPOT and TTFT", *columns, "least covered pair")
    for figure in FIGURES:
        for kind in HOLD_OUTS:
            it = score(kind, figure)
            errors_of = (it.row_median, it.row_p80, it.pair_median, it.pair_p80)
            shown = [f"{error:.1%}" for error in errors_of]
            table.add_row(
                *(f"{figure.upper()}, by {kind}", str(it.rows), *shown[:2], str(it.pairs), *shown[2:]),
                *(f"{it.covered:.0%}", f"{it.width:.2f}", f"{it.worst_covered:.0%} {it.worst_pair}"),
            )
    return table


def split(title: str, key: Callable[[Measured], str]) -> Table:
    """Median errors and coverage by a property of the rows, both hold-outs."""
    heads = [f"{figure.upper()} by {kind}" for figure in FIGURES for kind in HOLD_OUTS]
    table = _table(title, "", "rows", *heads)
    parts = {kind: by(held_out(kind), key) for kind in HOLD_OUTS}
    for name, members in parts["pair"].items():
        cells: list[str] = []
        for figure in FIGURES:
            for kind in HOLD_OUTS:
                found = errors(parts[kind][name], figure)
                ranges = covered(parts[kind][name], figure, kind).values()
                inside = sum(held for held, _ in ranges) / max(1, len(ranges))
                cells.append(f"{median(found):.0%}, {inside:.0%} in" if found else "–")
        table.add_row(name, str(len(members)), *cells)
    return table


def throughput_error() -> tuple[int, float]:
    """Rows that state a steady throughput, and the median error of what follows from TTFT and TPOT."""
    found: list[float] = []
    for row in held_out("pair"):
        stated, load = row.one.row["output_tok_s_total"], row.one.asked.load
        if not stated or load.arrival != "closed":
            continue
        life = row.estimates["ttft"] + load.output_tokens * row.estimates["tpot"]
        said = row.one.asked.replicas * load.concurrency * load.output_tokens / life
        found.append(abs(said / float(stated) - 1))
    return len(found), median(found)


TABLES: dict[str, tuple[str, Callable[[Measured], str]]] = {
    "source": ("By source", lambda one: one.source),
    "gpu": ("By GPU", lambda one: one.row["gpu"]),
    "kind": ("By kind of matrices", lambda one: one.kind),
    "pair": ("By model and GPU", lambda one: one.pair),
}


def main() -> None:
    """Prints the tables, or with --json the scores."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    if "--json" in sys.argv:
        scores = {
            f"{figure} {kind}": score(kind, figure)._asdict() for figure in FIGURES for kind in HOLD_OUTS
        }
        console.print_json(json.dumps(scores))
        return
    console.print(summary())
    for title, key in TABLES.values():
        console.print(split(title, key))
    rows, off = throughput_error()
    console.print(f"Throughput of the {rows} closed loops that state it: median error {off:.1%}.")
    for reason in measured()[1]:
        console.print(f"Left out: {reason}", markup=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 or column.startswith("least") else "right")
    return table


if __name__ == "__main__":
    main()
