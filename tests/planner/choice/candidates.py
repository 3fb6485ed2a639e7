"""Candidates that say only what they take."""

from inference_stack.catalog import CATALOG
from inference_stack.planner.choice.candidate import Bounds, Candidate, Way
from inference_stack.planner.choice.demand import Demand
from inference_stack.planner.choice.nodes import QUARTERS
from inference_stack.planner.choice.offer import Offer, listed
from inference_stack.planner.choice.shape import Shape
from inference_stack.planner.choice.sizing import replica
from inference_stack.planner.memory.budget import memory
from inference_stack.planner.pools import site
from inference_stack.spec import GpuPool, Mig, MigProfile, Model, Nodes, Replicas
from tests.planner.choice.asking import existing as pool_id

ROW = CATALOG.models["Qwen/Qwen2.5-7B-Instruct"]
MODEL = Model(name="m", source=ROW.id, context_tokens=1024, replicas=Replicas(max=1))
DEMAND = Demand(0, MODEL, ROW, (ROW,), None, None)


def offer(
    sku: str, profile: str | None, name: str, *, existing: bool = False, most: int | None = None
) -> Offer:
    """A pool; one that the plan would make, unless it has a bound."""
    pool = GpuPool(
        name=name,
        sku=sku,
        existing=pool_id(name) if existing else None,
        mig=Mig(profile=MigProfile(profile)) if profile else None,
        nodes=Nodes(max=most or 1),
    )
    found = site(pool, CATALOG)
    assert found is not None
    made = listed(found)
    return made if most else Offer(made.key, made.sku, made.unit, made.silicon, None, made.profile)


def candidate(where: Offer, units: int, replicas: int, quarters: int = QUARTERS) -> Candidate:
    """So many replicas on so many units, or on part of one whole GPU."""
    if where.unit.profile:
        units, quarters = 1, QUARTERS
    units = min(units, where.unit.per_node) if quarters == QUARTERS else 1
    way = Way(ROW, where, Shape(units), quarters)
    running = replica(DEMAND, way, 1)
    return Candidate(way, running, memory(running), 1, None, 0.0, None, Bounds(0, replicas, replicas))
