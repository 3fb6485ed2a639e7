"""Six minutes of a real trace against the application: `python -m benchmarks.autoscaling_replay`.

Real Ray Serve runs the Serve configuration that the components emit: proxy, ingress, admission, replicas,
what they report, and the policy. Only the engine is a stand-in, which takes as long as the planner says.
Draws the replicas over time into docs.
"""

import asyncio
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import matplotlib as mpl
import yaml
from matplotlib import pyplot as plt
from rich.console import Console

from components.serving_manifest import Place, service_manifest
from inference_stack.planner import services
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay, RayNode

from .autoscaling import CASES, PAGE, STYLE, engine, plan_of, planned, requests
from .pictures import COLOURS, PICTURES, between
from .simulated_replicas import CHARACTERS_A_TOKEN, PACE, Outcome, Request, Seen

SECONDS, COOLING_S = 360.0, 420.0
"""How much of the trace is replayed, and how long it is watched afterwards."""
MOST = 4
"""Replicas: each is a process of 1 GB here."""
CHAT = "/v1/chat/completions"
PATIENCE_S = 600.0


@dataclass
class Replayed:
    """What was seen."""

    asked: Sequence[Request]
    outcome: Outcome = field(default_factory=Outcome)
    """Of those that were answered, and the replicas that there were and that ran, at each change."""
    answers: Counter[int] = field(default_factory=Counter[int])
    """By status; 0 where there was none."""

    @property
    def replica_minutes(self) -> float:
        """From order to end."""
        counts = self.outcome.counts
        ends = [*(when for when, _, _ in counts[1:]), SECONDS + COOLING_S]
        return sum(there * (end - when) for (when, there, _), end in zip(counts, ends, strict=True)) / 60


async def replay(ray: LocalRay, model: str, asked: Sequence[Request]) -> Replayed:
    """Send each request when the trace has it, and watch."""
    found, started = Replayed(asked), time.monotonic()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx2.AsyncClient(base_url=ray.address, timeout=PATIENCE_S, limits=limits) as client:
        watching = asyncio.create_task(_watch(ray, model, found, started))
        async with asyncio.TaskGroup() as sending:
            for each in asked:
                await asyncio.sleep(max(0.0, started + each.arrival_s - time.monotonic()))
                sending.create_task(_ask(client, model, each, found))
        await watching
    return found


async def _ask(client: httpx2.AsyncClient, model: str, asked: Request, found: Replayed) -> None:
    question = {
        "model": model,
        "stream": True,
        "max_tokens": asked.output_tokens,
        "messages": [{"role": "user", "content": "word " * (asked.prompt_tokens * CHARACTERS_A_TOKEN // 5)}],
    }
    started, seen = time.monotonic(), Seen(asked)
    try:
        async with client.stream("POST", CHAT, json=question) as response:
            async for _ in response.aiter_raw():
                if math.isnan(seen.ttft_s):
                    seen.ttft_s = time.monotonic() - started
    except httpx2.TransportError:
        found.answers[0] += 1
        return
    found.answers[response.status_code] += 1
    if response.is_success:
        seen.end_s = time.monotonic() - started
        found.outcome.seen.append(seen)


async def _watch(ray: LocalRay, model: str, found: Replayed, started: float) -> None:
    while (now := time.monotonic() - started) < SECONDS + COOLING_S:
        applications = await asyncio.to_thread(ray.applications)
        if model in applications:
            replicas = applications[model]["deployments"][f"LLMServer:{model}"]["replicas"]
            states = Counter(each["state"] for each in replicas)
            seen, counts = (states.total() - states["STOPPING"], states["RUNNING"]), found.outcome.counts
            if not counts or counts[-1][1:] != seen:
                counts.append((now, *seen))
        await asyncio.sleep(1)


def picture(found: Replayed) -> Any:
    """Requests a second above, replicas below."""
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9, 4.2), sharex=True, layout="constrained", height_ratios=(1, 2)
    )
    width = 10.0
    rates = Counter(int(each.arrival_s // width) for each in found.asked)
    slots = int((SECONDS + COOLING_S) / width)
    edges = [slot * width / 60 for slot in range(slots + 1)]
    above.stairs([rates[slot] / width for slot in range(slots)], edges, fill=True, color="#bbbbbb")
    above.set(
        ylabel="requests/s", title="Measured on Ray Serve, with an engine that keeps the planner's pace"
    )
    times = [*(when / 60 for when, _, _ in found.outcome.counts), (SECONDS + COOLING_S) / 60]
    for index, label, style in ((1, "there", "--"), (2, "running", "-")):
        counts = [row[index] for row in found.outcome.counts]
        below.stairs(
            counts, times, baseline=None, color=COLOURS[0], linestyle=style, linewidth=1.3, label=label
        )
    below.set(xlabel="minutes", ylabel="replicas", ylim=(0, None))
    below.legend(frameon=False, fontsize=8)
    return figure


def lines(found: Replayed) -> list[str]:
    """What came of it, in Markdown."""
    outcome, answers = found.outcome, found.answers
    others = len(found.asked) - answers[200] - answers[429]
    cells = {
        "requests": len(found.asked),
        "answered": answers[200],
        "refused (429)": answers[429],
        "other": others,
        "TTFT median, s": f"{statistics.median(each.ttft_s for each in outcome.seen):.1f}",
        "TTFT P95, s": f"{outcome.ttft_p95_s():.1f}",
        "most replicas": max(there for _, there, _ in outcome.counts),
        "replica-minutes": f"{found.replica_minutes:.0f}",
        "changes of direction": outcome.turns,
        "replicas at the end": outcome.counts[-1][1],
    }
    return [f"| {' | '.join(map(str, row))} |" for row in (cells, ["---"] * len(cells), cells.values())]


def main() -> None:
    """Replay, print the table, and write it and the picture into docs."""
    console = Console(stderr=True)
    asked = [each for each in requests(CASES[0], seed=1) if each.arrival_s < SECONDS]
    plan = plan_of(asked, nodes_min=1, most=MOST)
    model, alone = plan.models[0], planned(asked, nodes_min=1, concurrency=1)
    (service,) = services(plan.models)
    manifest = service_manifest(plan, service, Place(namespace="local", service_account="local"))
    pace = {
        "RAYLLM_VLLM_ENGINE_CLS": "benchmarks.paced_engine.PacedEngine",
        PACE: json.dumps(asdict(engine(model, alone))),
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(model.checkpoint, RayNode.of(manifest), Path(folder), console, **pace) as ray,
    ):
        deploy(ray, yaml.safe_load(manifest["spec"]["serveConfigV2"]))
        with console.status(f"{(SECONDS + COOLING_S) / 60:.0f} minutes of requests, and of none …"):
            found = asyncio.run(replay(ray, model.name, asked))
    print("\n".join(lines(found)))
    mpl.rcParams.update(STYLE)
    figure = picture(found)
    figure.savefig(PICTURES / "autoscaling_replay.svg", metadata={"Date": None, "Creator": None})
    PAGE.write_text(between(PAGE.read_text("utf-8"), "replay", lines(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
