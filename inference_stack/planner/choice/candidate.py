"""One way to run a model, sized; or why it will not do."""

import math
from dataclasses import dataclass

from inference_stack.catalog import ModelRow
from inference_stack.planner.memory.budget import Memory
from inference_stack.planner.plan import Bottleneck, Link
from inference_stack.planner.replica import Replica
from inference_stack.planner.speed import Speed

from .demand import precision
from .offer import Offer
from .shape import Shape


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many replicas run."""

    least: int
    expected: int
    """What the mean traffic keeps at work."""
    most: int


@dataclass(frozen=True, slots=True)
class Way:
    """A checkpoint on an offer, dealt out."""

    row: ModelRow
    offer: Offer
    shape: Shape
    quarters: int = 4
    """Quarters of a unit that a replica takes; less than 4 only on whole GPUs that models share."""

    @property
    def usd_per_replica_hour(self) -> float:
        """Share of a node that one replica costs; 0 where the price is unknown."""
        return self.offer.usd_per_unit_hour * self.shape.units * self.quarters / 4

    @property
    def gpu_memory_gib(self) -> float:
        """Memory of everything that a replica spans."""
        return self.offer.unit.memory_gib * self.shape.units * self.quarters / 4

    def __str__(self) -> str:
        """In words: fp8 on 2 × H100-NVL-94GB of Standard_NC80adis_H100_v5."""
        return f"{precision(self.row)} on {place(self.offer, self.shape, self.quarters)}"


def place(offer: Offer, shape: Shape, quarters: int = 4) -> str:
    """What a replica runs on, in words: MIG 2g.24gb on Standard_NC40ads_H100_v5."""
    unit = offer.unit
    if unit.profile:
        return f"MIG {unit.profile} on {offer.sku.name}"
    part = {1: "a quarter of ", 2: "half of ", 3: "three quarters of "}.get(quarters, "")
    count = f"{shape.units} × " if shape.units > 1 else part
    stages = f" in {shape.pipeline_parallel} stages" if shape.pipeline_parallel > 1 else ""
    return f"{count}{unit.gpu} of {offer.sku.name}{stages}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way that will do, with as many requests on each replica as the SLO and the memory allow."""

    way: Way
    replica: Replica
    memory: Memory
    concurrency: int
    speed: Speed | None
    """None where nobody says what is asked of the model."""
    requests_per_second: float
    """What one replica completes; 0 without traffic."""
    bottleneck: Bottleneck | None
    bounds: Bounds
    prefill: "Candidate | None" = None
    """Where disaggregated: the replicas that read the prompts for these."""
    link: Link | None = None

    @property
    def parts(self) -> "tuple[Candidate, ...]":
        """The candidate, and the one that reads for it."""
        return (self, self.prefill) if self.prefill else (self,)

    @property
    def tier(self) -> int:
        """How much its price is worth."""
        return max(part.way.offer.tier for part in self.parts)

    @property
    def usd_per_hour(self) -> float:
        """Share of its nodes at peak, were they full."""
        return sum(part.way.usd_per_replica_hour * part.bounds.most for part in self.parts)

    @property
    def usd_per_hour_alone(self) -> float:
        """Its nodes at peak, were nobody else there."""
        return sum(
            (part.way.offer.usd_per_node_hour or 0.0)
            * math.ceil(
                part.bounds.most
                / (part.way.offer.unit.per_node * 4 // (part.way.shape.units * part.way.quarters))
            )
            for part in self.parts
        )

    @property
    def size(self) -> tuple[float, int, int, str]:
        """Smallest first: memory of all replicas, units, what the weights lost, the name that comes first."""
        return (
            sum(part.way.gpu_memory_gib * part.bounds.most for part in self.parts),
            sum(part.way.shape.units * part.bounds.most for part in self.parts),
            self.way.row.quality,
            str(self.way),
        )


@dataclass(frozen=True, slots=True)
class Miss:
    """A way that will not do."""

    way: Way
    limit: str
    what: str
    factor: float
    """How far it is off: needed over there is, 1 for just enough."""
