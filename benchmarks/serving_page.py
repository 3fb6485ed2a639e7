"""Writes what was measured into docs: `python -m benchmarks.serving_page FILE…`, what `--json` printed.

Of a measurement that several files have the last counts; one that none has keeps its table, and is missing in
the picture of effects.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from pydantic import TypeAdapter

from .pictures import COLOURS, PICTURES, between
from .serving_figures import Figure, Result
from .serving_latency import LIMIT

PAGE = Path(__file__).parents[1] / "docs" / "serving-benchmarks.md"
RESULTS = TypeAdapter(list[Result])


def lines(result: Result) -> list[str]:
    """Markdown of all figures of a measurement."""
    return [
        "| | with | without | ratio | range | range of |",
        "|---|---|---|---|---|---|",
        *(
            f"| {each.what} | {each.this:.4g} | {each.other:.4g} | {each.ratio.value:.3f} "
            f"| {each.ratio.low:.3f} – {each.ratio.high:.3f} | {each.spread} |"
            for each in result.figures
        ),
    ]


def effects(results: Iterable[Result]) -> Any:
    """The first figure of each effect: the ratio and its range."""
    figure, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
    names = [f"{each.title}\n{each.figures[0].what.split(';')[0]}" for each in results]
    _ranges(axis, [each.figures[0] for each in results], names, COLOURS[0])
    axis.set(xscale="log", xlabel="ratio")
    return figure


def added(latency: Result) -> Any:
    """Ours over Ray's, and beside it what two of Ray's differ by."""
    figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
    half = len(latency.figures) // 2
    names = [each.what.removesuffix(", ms") for each in latency.figures[:half]]
    for label, part, colour, shift in (
        ("ours / Ray's", latency.figures[:half], COLOURS[0], 0.12),
        ("Ray's / Ray's", latency.figures[half:], COLOURS[6], -0.12),
    ):
        _ranges(axis, part, names, colour, shift, label)
    axis.axvline(LIMIT, color=COLOURS[1], linewidth=0.8, linestyle="--")
    axis.set(xlabel="ratio, with its 95 % interval")
    axis.legend(frameon=False, fontsize=7)
    return figure


def gaps(result: Result) -> Any:
    """The longest gap of each stream, with chunked prefill and without."""
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    longest, usual, _ = result.figures
    for (label, samples), colour in zip(
        (
            ("chunked", longest.samples[0]),
            ("not chunked", longest.samples[1]),
            ("before the long prompt", usual.samples[0]),
        ),
        (COLOURS[0], COLOURS[1], COLOURS[6]),
        strict=True,
    ):
        axis.plot(range(1, len(samples) + 1), samples, "o", color=colour, markersize=4, label=label)
    axis.set(yscale="log", xlabel="round", ylabel="longest gap, ms")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False, fontsize=7)
    return figure


def _ranges(
    axis: Any,
    figures: Sequence[Figure],
    names: Sequence[str],
    colour: str,
    shift: float = 0.0,
    label: str = "",
) -> None:
    places = [-number + shift for number in range(len(figures))]
    axis.axvline(1, color="black", linewidth=0.8)
    middle = [each.ratio.value for each in figures]
    sides = (
        [each.ratio.value - each.ratio.low for each in figures],
        [each.ratio.high - each.ratio.value for each in figures],
    )
    axis.errorbar(
        middle, places, xerr=sides, fmt="o", color=colour, markersize=4, capsize=2, label=label or None
    )
    axis.margins(y=0.15)
    axis.set_yticks([-number for number in range(len(figures))], names, fontsize=7)


def pictures(results: Mapping[str, Result]) -> dict[str, Any]:
    """Each picture that these results are enough for, by its name."""
    found: dict[str, Any] = {}
    if others := [each for name, each in results.items() if name != "latency"]:
        found["serving_effects"] = effects(others)
    if latency := results.get("latency"):
        found["serving_latency"] = added(latency)
    if chunked := results.get("chunked-prefill"):
        found["serving_gaps"] = gaps(chunked)
    return found


def main() -> None:
    """Write the tables and pictures of what the files have."""
    results = {
        each.name: each for file in sys.argv[1:] for each in RESULTS.validate_json(Path(file).read_text())
    }
    mpl.rcParams.update({"svg.hashsalt": "inference-stack", "svg.fonttype": "none", "font.size": 9})
    mpl.rcParams.update({"axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False})
    page = PAGE.read_text(encoding="utf-8")
    for name, result in results.items():
        page = between(page, name, lines(result))
    PAGE.write_text(page, encoding="utf-8")
    for name, figure in pictures(results).items():
        figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
