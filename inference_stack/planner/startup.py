"""How long a replica takes from nothing to its first token, and how long it may take before vLLM gives up."""

import math
from collections.abc import Iterator, Mapping

from pydantic import Field

from inference_stack.catalog import StartupStep
from inference_stack.spec import Finding, Severity, Slo

from .planned import Planned

PATIENCE = 2.0
"""Start budget over the slowest start predicted: giving up on a replica that was about to be ready only
starts the wait anew."""

LEAST_BUDGET_S = 900
"""Never less: what Ray's own tests of the same start wait for."""

CUSTOMERS = "customer-facing"
"""Workload class whose users do not come back after a cold start."""

FAR = 10
"""Times the SLO from which on a cold start is no slow answer any more, but none."""

BYTES_PER_GIB = 2**30


class Duration(Planned):
    """Seconds, typical, between bounds that public reports of the step span."""

    low: float
    typical: float
    high: float

    def __add__(self, other: "Duration") -> "Duration":
        """One after the other. The bounds add up too, which overstates how far a sum can be off."""
        return Duration(
            low=self.low + other.low, typical=self.typical + other.typical, high=self.high + other.high
        )


NOTHING = Duration(low=0, typical=0, high=0)
"""A step that is not taken."""


class ColdStart(Planned):
    """From a request that finds no replica to one that answers it."""

    node: Duration = Field(description="A node joins the cluster; nothing where the pool keeps one.")
    image: Duration = Field(description="The image arrives on the node; nothing where one is kept.")
    weights: Duration = Field(description="Weights from Blob into the memory of the GPUs.")
    engine: Duration = Field(description="Processes, compilation and the profiling run.")
    graphs: Duration = Field(description="Capture of CUDA graphs.")
    start_budget_s: int = Field(
        description="How long weights, engine and graphs may take before vLLM gives up."
    )
    sources: dict[str, str] = Field(description="Where the figures of each step come from.")

    @property
    def process(self) -> Duration:
        """From the first process of the replica: what the start budget is for."""
        return self.weights + self.engine + self.graphs

    @property
    def total(self) -> Duration:
        """All of it."""
        return self.node + self.image + self.process


def cold_start(
    steps: Mapping[str, StartupStep],
    *,
    checkpoint_gib: float,
    network_gb_s: float | None,
    graphs: int,
    node_kept: bool,
) -> ColdStart:
    """The start of one replica.

    `steps` are those of the catalog; `checkpoint_gib` is read once by the node, whatever the number of its
    GPUs; `network_gb_s` is what the node's network card carries, GB/s, None where unknown; `graphs` are the
    CUDA graphs that the engine captures, 0 with enforce_eager; `node_kept` says that the pool keeps a node,
    with the image on it.
    """
    weights = _weights(steps["load"], checkpoint_gib, network_gb_s)
    engine = _duration(steps["engine"])
    captured = _duration(steps["graph"], graphs)
    slowest = weights.high + engine.high + captured.high
    return ColdStart(
        node=NOTHING if node_kept else _duration(steps["node"]),
        image=NOTHING if node_kept else _duration(steps["image"]),
        weights=weights,
        engine=engine,
        graphs=captured,
        start_budget_s=max(LEAST_BUDGET_S, math.ceil(slowest * PATIENCE / 60) * 60),
        sources={
            part: steps[step].source
            for part, step in (
                ("node", "node"),
                ("image", "image"),
                ("weights", "load"),
                ("engine", "engine"),
                ("graphs", "graph"),
            )
        },
    )


def cold_start_findings(
    start: ColdStart, *, workload: str | None, slo: Slo | None, replicas_min: int
) -> Iterator[Finding]:
    """Whether customers of a model that goes to zero wait far longer than its SLO; paths from the model."""
    if workload != CUSTOMERS or slo is None or replicas_min > 0:
        return
    wait = start.total
    if wait.typical * 1000 <= FAR * slo.ttft_ms:
        return
    yield Finding(
        code="cold-start-exceeds-slo",
        severity=Severity.WARNING,
        path="slo.ttft_ms",
        given=f"{slo.ttft_ms:g}",
        what=(
            f"holds for warm replicas only: the first customer after a quiet time waits {wait.typical:.0f} s "
            f"({wait.low:.0f} to {wait.high:.0f}) for {_steps(start)}"
        ),
        remedy=(
            "keep a replica (replicas.min: 1)"
            + (" and its node (nodes.min: 1 of the pool, with a reason)" if start.node.typical else "")
        ),
    )


def _steps(start: ColdStart) -> str:
    parts = {
        "a node": start.node,
        "the image": start.image,
        "weights": start.weights,
        "the engine": start.engine,
        "CUDA graphs": start.graphs,
    }
    return ", ".join(f"{name} {part.typical:.0f} s" for name, part in parts.items() if part.typical)


def _weights(load: StartupStep, checkpoint_gib: float, network_gb_s: float | None) -> Duration:
    def seconds(gib_s: float) -> float:
        rate = gib_s if network_gb_s is None else min(gib_s, network_gb_s * 1e9 / BYTES_PER_GIB)
        return round(checkpoint_gib / rate, 1)

    # The fastest rate gives the shortest time.
    return Duration(low=seconds(load.high), typical=seconds(load.typical), high=seconds(load.low))


def _duration(step: StartupStep, times: int = 1) -> Duration:
    return Duration(
        low=round(step.low * times, 1),
        typical=round(step.typical * times, 1),
        high=round(step.high * times, 1),
    )
