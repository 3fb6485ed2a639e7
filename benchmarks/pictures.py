"""Draws estimates against measurements and writes their tables into docs: `python -m benchmarks.pictures`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from inference_stack.planner.speed import speed

from .speed import HOLD_OUTS, TABLES, covered, score, throughput_error
from .speed_errors import FIGURES, Figure, HoldOut, Judged, by, errors, held_out, quantile
from .speed_rows import Measured, measured

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
PAGE = DOCS / "accuracy.md"
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
MARKS = ("o", "s", "^", "D", "v", "P", "X")

CURVES: Sequence[tuple[str, str, str]] = (
    ("openai/gpt-oss-120b", "H200-SXM-141GB", "1"),
    ("meta-llama/Llama-3.1-70B", "B200-SXM-180GB", "1"),
    ("Qwen/Qwen3-32B", "H100-SXM-80GB", "2"),
    ("moonshotai/Kimi-K2.5", "H200-SXM-141GB", "8"),
)
"""Model, GPU and tensor parallel of the drawn curves: 1,024 tokens in and out where measured."""


def main() -> None:
    """Writes every picture and every table."""
    mpl.rcParams.update(
        {"svg.hashsalt": "inference-stack", "svg.fonttype": "none", "font.size": 9, "axes.grid": True}
    )
    mpl.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})
    PICTURES.mkdir(exist_ok=True)
    for kind in HOLD_OUTS:
        _save(scatter(kind), f"speed_by_{kind}")
    _save(curves(), "speed_curves")
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in tables().items():
        page = between(page, name, lines)
    PAGE.write_text(page, encoding="utf-8")


def scatter(kind: HoldOut) -> Any:
    """Estimated over measured, both figures, coloured by source."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    sources = by(held_out(kind), lambda one: one.source)
    for axis, what in zip(axes, FIGURES, strict=True):
        for (source, rows), colour, mark in zip(sources.items(), COLOURS, MARKS, strict=True):
            points = [(seen * 1e3, row.estimates[what] * 1e3) for row in rows if (seen := row.seen(what))]
            axis.plot(
                *zip(*points, strict=True) if points else ((), ()),
                marker=mark,
                color=colour,
                label=source,
                linestyle="none",
                markersize=3.5,
                markeredgewidth=0,
                alpha=0.8,
            )
        axis.set(xscale="log", yscale="log", xlabel=f"measured {what.upper()}, ms", ylabel="estimated, ms")
        all_seen = [seen * 1e3 for row in held_out(kind) if (seen := row.seen(what))]
        ends = (min(all_seen) / 1.5, max(all_seen) * 1.5)
        axis.plot(ends, ends, color="black", linewidth=0.8)
        off = 2 if what == "ttft" else 1.2
        axis.fill_between(
            ends, [end / off for end in ends], [end * off for end in ends], color="black", alpha=0.07
        )
        axis.set(xlim=ends, ylim=ends, title=f"{what.upper()}: line ± {'2 ×' if what == 'ttft' else '20 %'}")
    axes[0].legend(frameon=False, fontsize=7, loc="upper left")
    figure.suptitle(
        f"Each {'pair of model and GPU' if kind == 'pair' else 'source'} left out of the fit", fontsize=10
    )
    return figure


def curves() -> Any:
    """TPOT over concurrency as shipped, with its range, and what was measured."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(11, 3), layout="constrained")
    for axis, (model, gpu, tensor) in zip(axes, CURVES, strict=True):
        rows = [one for one in measured()[0] if _drawn(one, model, gpu, tensor)]
        for (name, members), colour in zip(_by_precision(rows).items(), COLOURS, strict=False):
            first = members[0].asked
            counts = [1, 2, 4, 8, 16, 32, 64, 128]
            found = [speed(first.replica, replace(first.load, concurrency=count)).tpot_ms for count in counts]
            axis.plot(counts, [each.value for each in found], color=colour, linewidth=1.2, label=name)
            lows, highs = [each.low for each in found], [each.high for each in found]
            axis.fill_between(counts, lows, highs, color=colour, alpha=0.15, linewidth=0)
            axis.plot(
                [one.asked.load.concurrency for one in members],
                [(one.tpot_s or 0) * 1e3 for one in members],
                marker="o",
                color=colour,
                linestyle="none",
                markersize=4,
            )
        axis.set(xscale="log", xlabel="requests at once", title=f"{model.split('/')[-1]}\n{gpu}, TP {tensor}")
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False, fontsize=7, loc="upper left")
    axes[0].set_ylabel("TPOT, ms")
    return figure


def _drawn(one: Measured, model: str, gpu: str, tensor: str) -> bool:
    row, load = one.row, one.asked.load
    same = (row["model_hf_id"], row["gpu"], row["tp"]) == (model, gpu, tensor)
    return same and load.prompt_tokens == 1024 and load.output_tokens == 1024 and one.tpot_s is not None


def _by_precision(rows: Sequence[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for one in rows:
        found.setdefault(one.asked.replica.layout.name, []).append(one)
    return found


def tables() -> dict[str, list[str]]:
    """Markdown rows by the name of their place in the page."""
    rows, off = throughput_error()
    count = len(measured()[0])
    found = {"summary": _summary()}
    for name, (_, key) in TABLES.items():
        found[name] = _split({kind: by(held_out(kind), key) for kind in HOLD_OUTS})
    found["throughput"] = [
        f"Of {count} rows, {rows} state a steady throughput; the median error there is {off:.1%}, by pair."
    ]
    return found


def _summary() -> list[str]:
    lines = [
        "| figure | left out | rows: median | 80th percentile | pairs: median | 80th | in range | high/low |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for figure in FIGURES:
        for kind in HOLD_OUTS:
            it = score(kind, figure)
            lines.append(
                f"| {figure.upper()} | {kind} | {it.row_median:.1%} of {it.rows} | {it.row_p80:.1%} "
                f"| {it.pair_median:.1%} of {it.pairs} | {it.pair_p80:.1%} "
                f"| {it.covered:.0%} | {it.width:.2f} |"
            )
    return lines


def _split(parts: dict[HoldOut, dict[str, list[Judged]]]) -> list[str]:
    heads = " | ".join(f"{figure.upper()}, by {kind}" for figure in FIGURES for kind in HOLD_OUTS)
    lines = [f"| | rows | {heads} |", "|---|---|---|---|---|---|"]
    for name, members in parts["pair"].items():
        cells = [_cell(parts[kind][name], figure, kind) for figure in FIGURES for kind in HOLD_OUTS]
        lines.append(f"| {name} | {len(members)} | {' | '.join(cells)} |")
    return lines


def _cell(rows: Sequence[Judged], figure: Figure, kind: HoldOut) -> str:
    found = errors(rows, figure)
    if not found:
        return "–"
    ranges = covered(rows, figure, kind).values()
    return f"{quantile(found, 0.5):.0%}, {sum(inside for inside, _ in ranges) / len(ranges):.0%} in range"


def between(page: str, name: str, lines: Sequence[str]) -> str:
    """The page with what stands between the markers of `name` replaced. Raises ValueError without them."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marked.search(page):
        raise ValueError(f"{PAGE}: no place <!-- {name} --> … <!-- /{name} -->")
    return marked.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], page)


def _save(figure: Any, name: str) -> None:
    figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
