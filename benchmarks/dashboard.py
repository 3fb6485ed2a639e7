"""Draws the panels of prod's dashboard: `python -m benchmarks.dashboard`, about five minutes.

A real Prometheus reads a small random model on the running application, and two exporters of simulated series
for what this machine has not, a GPU and a gateway. Grafana draws the same queries.
"""

import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
from matplotlib import pyplot as plt
from rich.console import Console

from inference_stack.engine import serve_config
from inference_stack.telemetry import Panel, Query, panels
from localcloud.serve import deploy, simulated
from localcloud.toolchain import TEST, prepare
from tests.serving.provoking import BLOCKS, CONTEXT
from tests.serving.small import node, small
from tests.telemetry.planned import planned_prod
from tests.telemetry.prometheus import SIMULATED, Exporter, Prometheus, prometheus

from .pictures import COLOURS, PICTURES

MODEL = small(CONTEXT, 4, engine={"num_gpu_blocks_override": BLOCKS})
CLIENTS = (1, 4, 12, 2)
"""At once, for so long each: quiet, full, too many, quiet."""
UNITS = {
    "s": "s",
    "short": "number",
    "percentunit": "part of 1",
    "reqps": "requests a second",
    "cps": "a second",
    "currencyUSD": "USD",
}
EACH_S, STEP_S = 45.0, 5.0
GATEWAY = (
    'envoy_http_downstream_rq_xx{{envoy_response_code_class="{}",'
    'envoy_http_conn_manager_prefix="https-10443"}} {}'
)


def main() -> None:
    """Serve, ask, draw."""
    console, plan = Console(stderr=True), planned_prod()
    # The others are not served here, and their SLOs would be lines among nothing.
    served = tuple(model for model in plan.models if model.name == MODEL.name)
    prod = plan.model_copy(update={"models": served})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ray = stack.enter_context(simulated(MODEL.source, node(), folder / "serve", console))
        deploy(ray, serve_config([MODEL]).model_dump(mode="json", exclude_none=True))
        exporters = {job: stack.enter_context(Exporter(text)) for job, text in SIMULATED.items()}
        targets = {job: each.address for job, each in exporters.items()}
        targets["models"] = ray.metrics.removeprefix("http://").removesuffix("/metrics")
        seen = stack.enter_context(prometheus(prepare(TEST, console=console), prod, targets, folder))
        start, answered = time.time(), Counter[int]()
        for clients in CLIENTS:
            console.print(f"{clients} at once")
            _ask(ray.address, clients, answered, exporters["gateway"])
        draw(seen, panels(prod), start, time.time()).savefig(PICTURES / "dashboard.svg")


def draw(seen: Prometheus, shown: tuple[Panel, ...], start: float, end: float) -> Any:
    """Every panel, as Grafana would order them."""
    rows = -(-len(shown) // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(12, 2.4 * rows), layout="constrained")
    for panel, axis in zip(shown, axes.flat, strict=False):
        colours = iter(COLOURS * 4)
        for query in panel.queries:
            for series in seen.over_time(query.expr, start, end, STEP_S):
                times, values = zip(
                    *((float(at), float(value)) for at, value in series["values"]), strict=True
                )
                style = "--" if query.dashed else "-"
                label = _named(query, series["metric"])
                axis.plot(
                    [at - start for at in times],
                    values,
                    style,
                    color=next(colours),
                    linewidth=1.2,
                    label=label,
                )
        if panel.bound is not None:
            axis.axhline(panel.bound, color="0.4", linewidth=0.8, linestyle=":")
        axis.set_title(f"{panel.title}, {UNITS[panel.unit]}", fontsize=8, loc="left")
        axis.tick_params(labelsize=6)
        axis.margins(y=0.1)
        axis.set_xlim(0, end - start)
        axis.set_ylim(bottom=0)
        if axis.has_data():
            axis.legend(frameon=False, fontsize=5, loc="upper left", bbox_to_anchor=(1, 1))
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=6)
    return figure


def _ask(address: str, clients: int, answered: Counter[int], gateway: Exporter) -> None:
    """So many at once. The stand-in for a gateway tells of what it would have passed on."""
    until = time.monotonic() + EACH_S
    question = {"model": MODEL.name, "max_tokens": 64, "min_tokens": 64}
    messages = [{"role": "user", "content": "Who wrote this, and why? " * 12}]

    def ask(_: int) -> None:
        with httpx2.Client(base_url=address, timeout=600) as client:
            while time.monotonic() < until:
                answer = client.post("/v1/chat/completions", json={**question, "messages": messages})
                answered[answer.status_code // 100] += 1
                gateway.text = "\n".join(GATEWAY.format(*each) for each in list(answered.items())) + "\n"
                if answer.is_error:
                    time.sleep(1)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, range(clients)))


def _named(query: Query, labels: dict[str, str]) -> str:
    name = query.legend
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name


if __name__ == "__main__":
    main()
