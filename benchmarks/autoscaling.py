"""The autoscaling policy on pieces of real traces, simulated: `python -m benchmarks.autoscaling`.

Prints what the policy and Ray's own by `target_ongoing_requests` come to on the same requests, and draws
replicas over time into docs. Every figure is of the simulation in `simulated_replicas`: nothing was measured.
"""

import csv
import gzip
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from components.serving_settings import autoscaling_settings
from inference_stack.engine.applications import DOWNSCALE_DELAY_S, UPSCALE_DELAY_S
from inference_stack.planner import Plan, PlannedModel, plan_environment
from serving.autoscaling import State, desired
from serving.signals import Signals

from .pictures import COLOURS, PICTURES, between
from .simulated_replicas import Engine, Outcome, Pace, Policy, Request, simulate

TRACES = Path(__file__).parents[2] / "shared" / "data" / "traces"
PAGE = Path(__file__).parents[1] / "docs" / "autoscaling.md"

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "inference-stack",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""Of the pictures."""

CONTEXT_TOKENS = 16_384
SEEDS = (1, 2, 3)
PARTS = (0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
"""Of a replica's concurrency, what Ray's own policy is asked to keep there."""
EMITTED = 0.8
"""The part that the components emit where nobody says what is asked of a model."""
RAYS_PACE = Pace(upscale_delay_s=30, downscale_delay_s=600)
"""Ray's own delays, which the components emit with it."""
OUR_PACE = Pace(upscale_delay_s=UPSCALE_DELAY_S, downscale_delay_s=DOWNSCALE_DELAY_S)
"""What the components emit with the policy."""
WARM_UP_S = 1200.0
"""From the first request on: what comes before waits for the first replicas, under any policy."""


@dataclass(frozen=True, slots=True)
class Case:
    """A piece of a trace, and what serves it."""

    title: str
    trace: str
    kept: float
    """Part of its requests, drawn by the seed."""
    until_s: float
    nodes_min: int
    """A node that is kept makes a cold start short."""


CASES = (
    Case("Azure conversations of 2023, one hour, then nothing", "azure_2023_conv", 0.75, 5700, 1),
    Case("ServeGen deepseek-r1, 24 hours", "servegen_deepseek_r1_24h", 1 / 8, 86_400, 0),
)


@cache
def trace(name: str) -> tuple[Request, ...]:
    """All requests of a trace that the context of the model holds."""
    with gzip.open(TRACES / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        rows = [
            Request(float(row["arrival_s"]), int(row["prompt_tokens"]), int(row["output_tokens"]))
            for row in csv.DictReader(file)
        ]
    return tuple(row for row in rows if row.prompt_tokens + row.output_tokens <= CONTEXT_TOKENS)


def requests(case: Case, seed: int) -> list[Request]:
    """The requests of a case."""
    chance = random.Random(seed)  # noqa: S311
    return [one for one in trace(case.trace) if chance.random() < case.kept]


def planned(asked: Sequence[Request], nodes_min: int, concurrency: int | None = None) -> PlannedModel:
    """The model of `plan_of`."""
    return plan_of(asked, nodes_min, concurrency).models[0]


def plan_of(asked: Sequence[Request], nodes_min: int, concurrency: int | None = None, most: int = 99) -> Plan:
    """What the planner makes of the mean request, on thirds of an H100 NVL; at `most` so many replicas."""
    rate = len(asked) / asked[-1].arrival_s
    model: dict[str, Any] = {
        "name": "chat",
        "source": "Qwen/Qwen2.5-7B-Instruct",
        "context_tokens": CONTEXT_TOKENS,
        "replicas": {"min": 0, "max": most},
        "placement": {"pool": "slices"},
        "slo": {"ttft_ms": 1000, "tpot_ms": 50},
        "traffic": {
            "requests_per_second": rate,
            "prompt_tokens": round(statistics.fmean(one.prompt_tokens for one in asked)),
            "output_tokens": round(statistics.fmean(one.output_tokens for one in asked)),
        },
    }
    pool: dict[str, Any] = {
        "name": "slices",
        "sku": "Standard_NC40ads_H100_v5",
        "mig": {"profile": "MIG2g"},
        "nodes": {"min": nodes_min, "max": 99},
    }
    if nodes_min:
        pool["nodes"]["reason"] = "a start in minutes"
    if concurrency:
        model["concurrency"] = concurrency
    environment = {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "pools": [pool],
        "models": [model],
    }
    return plan_environment(environment, name="simulated", file="simulated")


def engine(model: PlannedModel, alone: PlannedModel) -> Engine:
    """The simulated engine that is as fast as the plan says, alone and at its concurrency."""
    assert model.speed and alone.speed and model.cold_start  # noqa: PT018, S101
    prompt, output, count = model.speed.prompt_tokens, model.speed.output_tokens, model.concurrency
    step_s = alone.speed.tpot_ms.value / 1e3
    prompt_s = alone.speed.ttft_ms.value / 1e3 - step_s
    # A token carries its part of the prompts of the others.
    full_s = model.speed.tpot_ms.value / 1e3 - (count - 1) / output * prompt_s
    return Engine(
        step_s=step_s,
        per_request_s=max(0.0, full_s - step_s) / max(1, count - 1),
        per_prompt_token_s=prompt_s / prompt,
        step_tokens=int(str(model.engine["max_num_batched_tokens"])),
        concurrency=count,
        kv_tokens=model.memory.kv_tokens,
        start_s=model.cold_start.total.typical,
    )


def ours(model: PlannedModel) -> Policy:
    """Our policy from the beginning, with the settings that the components emit."""
    chosen, state = autoscaling_settings(model), State()
    assert chosen  # noqa: S101

    def policy(signals: Signals) -> float:
        nonlocal state
        replicas, state = desired(signals, chosen, state)
        return replicas

    return policy


def by_ongoing(target: float) -> Policy:
    """Ray's own: requests, worked on and queued, over what a replica should have."""
    return lambda signals: signals.ongoing_requests / target if signals.running else signals.target_replicas


@dataclass(frozen=True)
class Compared:
    """What both come to on the same requests."""

    asked: Sequence[Request]
    mine: Outcome
    rays: dict[float, Outcome]
    """By the part of a replica's concurrency that it keeps there."""

    def same_p95(self) -> Outcome | None:
        """The cheapest of Ray's whose P95 of TTFT is at most a tenth worse; None if there is none."""
        good = [one for one in self.rays.values() if p95_s(one) <= 1.1 * p95_s(self.mine)]
        return min(good, key=lambda one: one.replica_hours, default=None)


def p95_s(outcome: Outcome) -> float:
    """P95 of TTFT once the first replicas have started."""
    return outcome.ttft_p95_s(outcome.seen[0].request.arrival_s + WARM_UP_S)


def compare(case: Case, seed: int, parts: Iterable[float] = PARTS) -> Compared:
    """Both policies on a case."""
    asked = requests(case, seed)
    model, alone = planned(asked, case.nodes_min), planned(asked, case.nodes_min, concurrency=1)
    runs = engine(model, alone)
    mine = simulate(asked, runs, OUR_PACE, ours(model), until_s=case.until_s, seed=seed)
    rays = {
        part: simulate(
            asked,
            runs,
            RAYS_PACE,
            by_ongoing(max(1, round(part * model.concurrency))),
            until_s=case.until_s,
            seed=seed,
        )
        for part in parts
    }
    return Compared(asked, mine, rays)


def table(case: Case, found: Sequence[Compared]) -> list[str]:
    """Markdown, the mean and the extremes of the seeds."""
    lines = [
        f"{case.title}; {len(found)} draws of {case.kept:.0%} of the requests.",
        "",
        "| policy | replica-hours | TTFT P95, s | refused | longest queue | changes of direction |",
        "|---|---|---|---|---|---|",
        _row("ours", [one.mine for one in found]),
    ]
    for part in PARTS:
        name = f"`target_ongoing_requests` at {part:.0%}" + (
            ", as emitted without traffic" if part == EMITTED else ""
        )
        lines.append(_row(name, [one.rays[part] for one in found]))
    return lines


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    cells = (
        [f"{one.replica_hours:.1f}" for one in outcomes],
        [f"{p95_s(one):.1f}" for one in outcomes],
        [f"{one.refused}" for one in outcomes],
        [f"{one.longest_queue}" for one in outcomes],
        [f"{one.turns}" for one in outcomes],
    )
    return f"| {name} | " + " | ".join(" / ".join(cell) for cell in cells) + " |"


def picture(case: Case, found: Compared) -> Any:
    """Requests a second above, replicas ordered and running below."""
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9, 4.6), sharex=True, layout="constrained", height_ratios=(1, 2)
    )
    unit, name = (60.0, "minutes") if case.until_s < 4 * 3600 else (3600.0, "hours")
    width = case.until_s / 120
    rates = [0] * 120
    for one in found.asked:
        rates[min(119, int(one.arrival_s / width))] += 1
    above.stairs(
        [rate / width for rate in rates], [i * width / unit for i in range(121)], fill=True, color="#bbbbbb"
    )
    above.set(ylabel="requests/s", title=f"Simulated, not measured. {case.title}")
    for label, outcome, colour in (
        ("our policy", found.mine, COLOURS[0]),
        ("target_ongoing_requests, as emitted without traffic", found.rays[EMITTED], COLOURS[1]),
    ):
        times = [when / unit for when, _, _ in outcome.counts] + [case.until_s / unit]
        for index, style in ((1, "--"), (2, "-")):
            counts = [row[index] for row in outcome.counts]
            below.stairs(
                counts, times, baseline=None, color=colour, linestyle=style, linewidth=1.3,
                label=f"{label}: {'ordered' if index == 1 else 'running'}",
            )  # fmt: skip
    below.set(xlabel=name, ylabel="replicas", ylim=(0, None))
    below.legend(frameon=False, fontsize=7)
    return figure


def main() -> None:
    """Print the tables; write them and the pictures into docs."""
    mpl.rcParams.update(STYLE)
    page = PAGE.read_text(encoding="utf-8")
    for case in CASES:
        found = [compare(case, seed) for seed in SEEDS]
        lines = table(case, found)
        print("\n".join(lines), end="\n\n")
        page = between(page, case.trace, lines)
        figure = picture(case, found[0])
        figure.savefig(PICTURES / f"autoscaling_{case.trace}.svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
