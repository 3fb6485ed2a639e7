"""Fits the constants of `inference_stack.planner.speed`: `python -m benchmarks.calibrate_speed`.

Least squares on logarithms of measured over estimated, robust (soft L1), each constant drawn towards what is
known of the hardware before any measurement (mean and spread below). So a class that few rows show stays near
its parent, and an unseen one is its parent. Every pair of model and GPU, and every source, is then left out
once and the constants are fitted again without it; those fits give the errors and the ranges.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

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


def fit(rows: Sequence[Measured], static: Sequence[Measured], steps: int = 12) -> dict[str, float]:
    """Constants by the names of PRIORS."""
    start = np.array([log(PRIORS[name][0]) for name in NAMES])
    spread = np.array([PRIORS[name][1] for name in NAMES])
    together, batches = groups(rows), groups(static)
    weights = _weights([one for group in together for one, _ in group.rows])
    static_weights = _weights([one for group in batches for one, _ in group.rows])

    def residuals(point: Any) -> Any:
        values = dict(zip(NAMES, map(exp, point), strict=True))
        found = constants(values)
        tpot, ttft = _errors(together, found)
        shape = _static_errors(batches, found, values)
        return np.concatenate(
            [
                weights * _soft(tpot, TPOT_SCALE) / TPOT_SIGMA,
                weights * _soft(ttft, TTFT_SCALE) / TTFT_SIGMA,
                static_weights * _soft(shape, TPOT_SCALE) / STATIC_SIGMA,
                (point - start) / spread,
            ]
        )

    best = least_squares(residuals, start, x_scale=spread, max_nfev=steps)
    return {name: float(exp(value)) for name, value in zip(NAMES, best.x, strict=True)}


def _errors(together: Sequence[Group], found: Constants) -> tuple[Any, Any]:
    tpot: list[float] = []
    ttft: list[float] = []
    for group in together:
        paced = pace(group.first.asked.replica, found)
        for one, bounds in group.rows:
            served = serve(paced, one.asked.load, bounds, found)
            tpot.append(log(served.tpot_s / one.tpot_s) if one.tpot_s else 0.0)
            ttft.append(log(served.ttft_s / one.ttft_s) if one.ttft_s else 0.0)
    return np.array(tpot), np.array(ttft)


def _static_errors(batches: Sequence[Group], found: Constants, values: Mapping[str, float]) -> Any:
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
    return np.array(errors)


def _weights(rows: Sequence[Measured]) -> Any:
    crowd = Counter(one.pair for one in rows)
    found = np.array(
        [crowd[one.pair] ** CROWD * (FEW_REQUESTS if "requests" in one.row["notes"] else 1.0) for one in rows]
    )
    return found / found.mean()


def _soft(errors: Any, scale: float) -> Any:
    """Square near zero, linear beyond `scale`, as a residual."""
    return np.sign(errors) * scale * np.sqrt(2 * (np.sqrt(1 + (errors / scale) ** 2) - 1))


def _without(held: tuple[str, str]) -> dict[str, float]:
    """Constants fitted without the rows whose `held[0]` is `held[1]`."""
    rows, static = measured()[0], static_batches()
    kind, name = held
    return fit(
        [one for one in rows if getattr(one, kind) != name],
        [one for one in static if getattr(one, kind) != name],
    )


def folds() -> list[tuple[str, str]]:
    """What is left out, in turn: nothing, each pair, each source."""
    rows = measured()[0]
    found = [("id", "")]
    for kind in ("pair", "source"):
        found += [(kind, name) for name in sorted({getattr(one, kind) for one in rows})]
    return found


def main() -> None:
    """Fits everything, writes the shipped constants and those of the folds."""
    held = folds()
    with ProcessPoolExecutor(2) as pool:
        fitted = list(pool.map(_without, held))
    kept = {f"{kind} {name}".strip(): values for (kind, name), values in zip(held, fitted, strict=True)}
    FOLDS.parent.mkdir(exist_ok=True)
    FOLDS.write_text(json.dumps({k: _rounded(v) for k, v in kept.items()}, indent=1) + "\n", encoding="utf-8")
    from .speed_errors import ranges

    everything = constants(_rounded(fitted[0]))
    shipped = {
        "about": "Fitted by `python -m benchmarks.calibrate_speed`, which says how; see constants.py.",
        "constants": {name: getattr(everything, name) for name in Constants.__dataclass_fields__},
        "rows": dict(sorted(Counter(_class(one) for one in measured()[0]).items())),
        "errors": ranges(),
    }
    CONSTANTS.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


def _class(one: Measured) -> str:
    return f"{one.asked.replica.silicon.gpu} {one.precision}"


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


if __name__ == "__main__":
    main()
