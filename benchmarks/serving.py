"""What serving does, measured: `python -m benchmarks.serving [names…]`.

Real Ray Serve and real vLLM on simulated GPUs, asked over HTTP: our application as a Serve configuration has
it. Computed on the CPU, so that only ratios mean anything: each compares two ways on the same machine, in
turn, in one run. One Ray serves all of it, one stage of applications after the other.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer
from rich.console import Console

from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay

from . import serving_effects as effects
from .serving_client import Clients
from .serving_counters import Counters
from .serving_effects import Bench
from .serving_figures import Figure, Result, table
from .serving_latency import added_latency
from .serving_models import NODE, SOURCE, one_application, same_model_thrice

STATE = Path(__file__).parents[1] / ".localcloud" / "bench-serving"


@dataclass(frozen=True)
class Measurement:
    """Something to measure, and the models that it is measured on."""

    title: str
    measure: Callable[[Bench], Awaitable[list[Figure]]]
    models: tuple[str, ...] = ()
    """Models of our application; none where the three applications of one model are compared."""


MEASUREMENTS: Mapping[str, Measurement] = {
    "latency": Measurement("our application beside Ray's own", added_latency),
    "prefix-affinity": Measurement(
        "prefix router / default router, two replicas", effects.prefix_affinity, ("by-prefix", "by-load")
    ),
    "chunked-prefill": Measurement("chunked prefill / none", effects.chunked_prefill, ("base", "unchunked")),
    "batching": Measurement("continuous / static batching", effects.continuous_batching, ("base",)),
    "prefix-cache": Measurement("prefix cache / none", effects.prefix_cache, ("base", "uncached")),
    "speculation": Measurement("n-gram speculation / none", effects.speculation, ("base", "speculating")),
}
STAGES = (
    ("latency",),
    ("prefix-affinity",),
    ("chunked-prefill", "batching", "prefix-cache", "speculation"),
)
"""What is served at the same time: at most four replicas, a GB and a half each."""

console = Console(stderr=True, highlight=False)


def run(names: Sequence[str], times: float) -> Iterator[Result]:
    """Measure, stage by stage; raises ServeError where something does not start."""
    variables = {"RAY_metrics_report_interval_ms": "1000"}
    with simulated(SOURCE, NODE, STATE, console, **variables) as ray:
        for stage in STAGES:
            chosen = [name for name in stage if name in names]
            if not chosen:
                continue
            start = monotonic()
            with console.status(f"Replicas for {', '.join(chosen)} …"):
                deploy(ray, {"applications": _applications(chosen)})
            console.print(f"Replicas for {', '.join(chosen)}: {monotonic() - start:.0f} s")
            for name in chosen:
                yield _measured(name, ray, times)


def _applications(names: Sequence[str]) -> list[dict[str, Any]]:
    models = dict.fromkeys(model for name in names for model in MEASUREMENTS[name].models)
    return one_application(list(models)) if models else same_model_thrice(STATE)


def _measured(name: str, ray: LocalRay, times: float) -> Result:
    asked, start = MEASUREMENTS[name], monotonic()

    async def measure(tell: Callable[[str], None]) -> list[Figure]:
        clients = Clients(ray.address)
        try:
            return await asked.measure(Bench(clients, Counters(ray.metrics), tell, times))
        finally:
            await clients.close()

    with _telling(name) as tell:
        figures = asyncio.run(measure(tell))
    seconds = monotonic() - start
    told = "; ".join(f"{each.what.split(';')[0]}: {each.ratio.value:.2f}" for each in figures[:1])
    console.print(f"{name}: {seconds:.0f} s; {told}", markup=False)
    return Result(name, asked.title, figures, seconds)


@contextmanager
def _telling(name: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, at a terminal all the time and elsewhere as lines."""
    with console.status(name) as status:

        def tell(what: str) -> None:
            status.update(f"{name}: {what}")
            if not console.is_terminal:
                console.print(f"{name}: {what}", markup=False)

        yield tell


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(MEASUREMENTS)}.")] = None,
    times: Annotated[float, typer.Option(help="How much is measured; less is sooner and less sure.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, all that was measured in it.")] = False,
) -> None:
    """Measure and print."""
    if unknown := sorted({*(names or ())} - {*MEASUREMENTS}):
        raise typer.BadParameter(f"{', '.join(unknown)}; allowed: {', '.join(MEASUREMENTS)}")
    start, results = monotonic(), list[Result]()
    try:
        results.extend(run(names or list(MEASUREMENTS), times))
        console.print(f"All of it: {(monotonic() - start) / 60:.0f} min")
    finally:  # what was measured before something failed is not lost
        if as_json:
            print(json.dumps([asdict(each) for each in results], indent=1))
        else:
            Console(highlight=False, width=None if sys.stdout.isatty() else 150).print(table(results))


if __name__ == "__main__":
    typer.run(main)
