"""Fits the constants of `inference_stack.planner.speed`: `python -m benchmarks.calibrate_speed`.

Least squares on logarithms of measured over estimated, robust (soft L1), each constant drawn towards what is
known of the hardware before any measurement (mean and spread below). So a class that few rows show stays near
its parent, and an unseen one is its parent. Every pair of model and GPU, and every source, is then left out
once and the constants are fitted again without it; those fits give the errors and the ranges.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inference_stack.planner.speed.capacity import running_requests
from inference_stack.planner.speed.constants import Constants
from inference_stack.planner.speed.estimate import bracketed
from inference_stack.planner.speed.pace import pace
from inference_stack.planner.speed.service import Limits, Served, serve

from .speed_rows import Measured, measured, static_batches

CONSTANTS = Path(__file__).parents[1] / "inference_stack" / "planner" / "speed" / "constants.json"
FOLDS = Path(__file__).parent / "data" / "speed_folds.json"

PRIORS: Mapping[str, tuple[float, float]] = {
    # Streaming reads reach 85 to 90 % of peak on every generation.
    "bandwidth": (0.87, 0.06),
    "bandwidth_of PCIe": (1, 0.08),
    "bandwidth_of Ampere": (1, 0.08),
    "bandwidth_of Blackwell": (1, 0.1),
    "bandwidth_of 8-bit": (1, 0.08),
    "bandwidth_of 4-bit": (1, 0.08),
    "bandwidth_of weight-only": (1, 0.15),
    "bandwidth_of experts": (0.9, 0.15),
    # Large products reach two thirds of the data sheet, under the power limit of a card less.
    "compute": (0.67, 0.3),
    "compute_of PCIe": (1, 0.2),
    "compute_of Ampere": (1, 0.2),
    "compute_of Blackwell": (1, 0.2),
    "compute_of 8-bit": (1, 0.2),
    "compute_of 4-bit": (1, 0.3),
    "compute_of weight-only": (1, 0.3),
    "compute_of experts": (0.67, 0.3),
    "cache_bandwidth": (0.65, 0.3),
    "attention_compute": (0.4, 0.4),
    "expert_spread": (1, 0.05),
    "step_s": (1.5e-3, 0.7),
    # A small kernel inside a CUDA graph.
    "kernel_s": (5e-6, 0.15),
    "sequence_s": (20e-6, 0.7),
    "overhead_of Ampere": (1, 0.3),
    "overhead_of Blackwell": (1, 0.3),
    "overhead_of PCIe": (1, 0.3),
    "overhead_of launched": (1.5, 0.2),
    "overhead_of asynchronous": (0.85, 0.15),
    "nvlink": (0.5, 0.5),
    "nvlink_s": (10e-6, 0.5),
    "pcie": (0.6, 0.7),
    "pcie_s": (60e-6, 0.7),
    "request_s": (5e-3, 0.5),
    "prompt_token_s": (4e-6, 1.0),
    "first_wave": (0.1, 0.7),
    "queue": (1, 0.7),
    "synchronised": (0.5, 1.0),
    # Not of the model: what the V0 engine of the static batches adds to a step.
    "v0 kernels": (1.35, 0.5),
    "v0 step": (2.5e-3, 0.7),
    "v0 sequence": (45e-6, 1.0),
}
"""Mean, and the spread of its logarithm. `of` names a factor by trait."""

NAMES = tuple(PRIORS)
TPOT_SCALE, TTFT_SCALE = 0.08, 0.2
"""Errors (logarithms) above which a row counts linearly."""
TPOT_SIGMA, TTFT_SIGMA, STATIC_SIGMA = 0.1, 0.7, 0.2
FEW_REQUESTS = 0.5
"""Weight of a source whose rows are means of 1 to 8 requests."""
NUDGE, LONGEST, SETTLED, STEPS = 1e-3, 0.5, 2e-3, 6
"""Of the search, logarithms: step of a slope, longest move, move that ends a round; and moves in a round."""
CROWD = -0.4
"""Exponent on the rows of a pair: many rows of one pair say less each."""


class Group(NamedTuple):
    """Rows of one replica, with what the fit needs of them."""

    first: Measured
    rows: tuple[tuple[Measured, Limits], ...]


def constants(values: Mapping[str, float]) -> Constants:
    """Fitted values by the names of PRIORS → what the model reads."""
    fields: dict[str, Any] = {}
    for name, value in values.items():
        field, _, trait = name.partition(" ")
        if field == "v0":
            continue
        if trait:
            fields.setdefault(field, {})[trait] = value
        else:
            fields[field] = value
    return Constants(**fields)


def limits(one: Measured) -> Limits:
    """What bounds the batch of a row."""
    load, replica = one.asked.load, one.asked.replica
    running = running_requests(replica, load.prompt_tokens, load.output_tokens)
    return Limits(running, replica.engine.max_num_batched_tokens)


def predicted(one: Measured, values: Constants) -> tuple[Served, tuple[Served, ...]]:
    """What the model says of one row, and with less and more room in the KV cache."""
    return bracketed(pace(one.asked.replica, values), one.asked.load, limits(one), values)


def groups(rows: Sequence[Measured]) -> list[Group]:
    """Rows by replica, so that a fit computes each pace once."""
    ordered = sorted(rows, key=lambda one: repr(one.asked.replica))
    return [
        Group(members[0], tuple((one, limits(one)) for one in members))
        for _, found in groupby(ordered, key=lambda one: one.asked.replica)
        for members in [list(found)]
    ]


class Evidence:
    """Every row, and how far a set of constants is from it."""

    def __init__(self, rows: Sequence[Measured], static: Sequence[Measured]) -> None:
        """Groups the rows by replica."""
        self._together, self._batches = groups(rows), groups(static)
        shown = [one for group in self._together for one, _ in group.rows]
        batches = [one for group in self._batches for one, _ in group.rows]
        self.rows = [*shown, *shown, *batches]
        """What each error is about: all TPOT, all TTFT, all static batches."""
        self.scale = np.array(
            [TPOT_SCALE] * len(shown) + [TTFT_SCALE] * len(shown) + [TPOT_SCALE] * len(batches)
        )
        sigma = np.array(
            [TPOT_SIGMA] * len(shown) + [TTFT_SIGMA] * len(shown) + [STATIC_SIGMA] * len(batches)
        )
        rows_weights, static_weights = _weights(shown), _weights(batches)
        self.weight = np.concatenate([rows_weights, rows_weights, static_weights]) / sigma

    def errors(self, point: Any) -> Any:
        """Logarithms of estimated over measured at logarithms of the constants."""
        values = dict(zip(NAMES, map(exp, point), strict=True))
        found = constants(values)
        return np.array([*_errors(self._together, found), *_static_errors(self._batches, found, values)])

    def slopes(self, point: Any, errors: Any) -> Any:
        """Of the errors by each constant."""
        found = [(self.errors(point + step) - errors) / NUDGE for step in np.eye(len(NAMES)) * NUDGE]
        return np.array(found).T


def fit(evidence: Evidence, kept: Any, begin: Any, slopes: Any = None, rounds: int = 1) -> Any:
    """Constants (logarithms) that fit the kept rows best: Gauss-Newton, reweighted for the soft L1 loss.

    Where the search begins only saves time. Slopes change little between neighbouring fits: they are taken
    anew once a round.
    """
    mean = np.array([log(PRIORS[name][0]) for name in NAMES])
    tie = np.array([PRIORS[name][1] for name in NAMES]) ** -2.0
    point, errors = begin, evidence.errors(begin)
    for place in range(rounds):
        if place or slopes is None:
            slopes = evidence.slopes(point, errors)
        for _ in range(STEPS):
            soft = 1 / np.sqrt(1 + (errors / evidence.scale) ** 2)
            weight = kept * evidence.weight**2 * soft
            curve = slopes.T @ (weight[:, None] * slopes) + np.diag(tie)
            move = -np.linalg.solve(curve, slopes.T @ (weight * errors) + tie * (point - mean))
            point = point + np.clip(move, -LONGEST, LONGEST)
            errors = evidence.errors(point)
            if np.abs(move).max() < SETTLED:
                break
    return point


def _errors(together: Sequence[Group], found: Constants) -> list[float]:
    """All TPOT, then all TTFT; 0 where nothing was measured."""
    tpot: list[float] = []
    ttft: list[float] = []
    for group in together:
        paced = pace(group.first.asked.replica, found)
        for one, bounds in group.rows:
            served = serve(paced, one.asked.load, bounds, found)
            tpot.append(log(served.tpot_s / one.tpot_s) if one.tpot_s else 0.0)
            ttft.append(log(served.ttft_s / one.ttft_s) if one.ttft_s else 0.0)
    return tpot + ttft


def _static_errors(batches: Sequence[Group], found: Constants, values: Mapping[str, float]) -> list[float]:
    """A batch reads its prompts in, then decodes in step; what the old engine adds is fitted apart."""
    errors: list[float] = []
    for group in batches:
        paced = pace(group.first.asked.replica, found)
        for one, _ in group.rows:
            load = one.asked.load
            batch, prompt, output = load.concurrency, load.prompt_tokens, load.output_tokens
            step = paced.step(batch, prompt + output / 2).seconds
            step += (values["v0 kernels"] - 1) * paced.overhead_s
            step += values["v0 step"] + values["v0 sequence"] * batch
            prompts = paced.step(batch, prompt, batch * prompt).seconds + batch * paced.attention(prompt)
            errors.append(log((prompts + output * step) / (one.batch_s or 1.0)))
    return errors


def _weights(rows: Sequence[Measured]) -> Any:
    crowd = Counter(one.pair for one in rows)
    found = np.array(
        [crowd[one.pair] ** CROWD * (FEW_REQUESTS if "requests" in one.row["notes"] else 1.0) for one in rows]
    )
    return found / found.mean()


def folds() -> list[tuple[str, str]]:
    """What is left out, in turn: each pair, each source."""
    rows = measured()[0]
    found: list[tuple[str, str]] = []
    for kind in ("pair", "source"):
        found += [(kind, name) for name in sorted({getattr(one, kind) for one in rows})]
    return found


def fitted_without(evidence: Evidence, begin: Any) -> Iterator[tuple[str, dict[str, float]]]:
    """Constants for each group left out, by "kind name"."""
    slopes = evidence.slopes(begin, evidence.errors(begin))
    for kind, name in folds():
        kept = np.array([getattr(one, kind) != name for one in evidence.rows], dtype=float)
        # A whole source moves the constants further than a pair.
        point = fit(evidence, kept, begin, slopes, rounds=3 if kind == "source" else 2)
        yield f"{kind} {name}", _values(point)


def main() -> None:
    """Fits everything, writes the shipped constants and those of the folds."""
    stated = [one for one in measured()[0] if one.asked.split_stated]
    evidence = Evidence(stated, static_batches())
    begin = np.array([log(mean) for mean, _ in PRIORS.values()])
    every = fit(evidence, np.ones(len(evidence.rows)), begin, rounds=6)
    kept = dict(fitted_without(evidence, every))
    FOLDS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    from .speed_errors import ranges

    found = constants(_values(every))
    shipped = {
        "about": "Fitted by `python -m benchmarks.calibrate_speed`, which says how; see constants.py.",
        "constants": {name: getattr(found, name) for name in Constants.__dataclass_fields__},
        "rows": shown(measured()[0]),
        **ranges(),
    }
    CONSTANTS.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


def shown(rows: Iterable[Measured]) -> dict[str, int]:
    """Rows that the fit saw by GPU and kind of matrices."""
    stated = [one for one in rows if one.asked.split_stated]
    return dict(sorted(Counter(f"{one.asked.replica.silicon.gpu} {one.kind}" for one in stated).items()))


def _values(point: Any) -> dict[str, float]:
    return {name: float(f"{exp(value):.4g}") for name, value in zip(NAMES, point, strict=True)}


if __name__ == "__main__":
    main()
