"""The pools of a plan: those that the environment lists, and those that the choice makes."""

import hashlib

from inference_stack.planner.plan import Origin, PlannedPool
from inference_stack.planner.reservations import group_of
from inference_stack.spec import Environment, GpuPool

from .choose import Choice
from .nodes import nodes_needed
from .offer import Offer, made_pool
from .packing import Pool, part_size


def planned_pools(environment: Environment, choice: Choice) -> tuple[PlannedPool, ...]:
    """All pools, the listed ones first and in their order."""
    nodes, offers = choice.packing.nodes, choice.packing.offers
    listed = {offer.key: offer for offer in choice.listed}
    found = [
        _planned(environment, listed[pool.name], pool, nodes.get(Pool(pool.name, ""), 0))
        for pool in environment.listed_pools
        if pool.name in listed
    ]
    added = (pool for pool in sorted(nodes) if offers[pool].pool is None)
    made = (_planned(environment, offers[pool], _made(pool, choice), nodes[pool]) for pool in added)
    return (*found, *made)


def pool_name(pool: Pool) -> str:
    """Name of a pool in the plan; one of its own where a model has it for itself."""
    if not pool.owner:
        return pool.key
    return pool.owner[:1] + hashlib.sha256(f"{pool.owner}/{pool.key}".encode()).hexdigest()[:6]


def _made(pool: Pool, choice: Choice) -> GpuPool:
    """A pool that the plan makes, as if somebody had listed it."""
    offer, most = choice.packing.offers[pool], choice.packing.nodes[pool]
    kept = {
        placed.demand.model.name: part.bounds.least
        for placed, pick in zip(choice.placed, choice.packing.picks, strict=True)
        for part in placed.candidate.parts
        if Pool.of(part.way.offer, pick) == pool and part.bounds.least
    }
    sizes: dict[int, int] = {}
    for placed, pick in zip(choice.placed, choice.packing.picks, strict=True):
        for part in placed.candidate.parts:
            if Pool.of(part.way.offer, pick) == pool:
                sizes[part_size(part)] = sizes.get(part_size(part), 0) + part.bounds.least
    least = min(nodes_needed(sizes, offer.unit.per_node), most)
    reason = "Kept at work by replicas.min: " + ", ".join(f"{name} {count}" for name, count in kept.items())
    return made_pool(offer, pool_name(pool), least, most, reason if kept else None)


def _planned(environment: Environment, offer: Offer, pool: GpuPool, used: int) -> PlannedPool:
    reservation = group_of(pool, environment)
    origin: Origin = "existing" if pool.existing else "listed" if offer.pool else "made"
    return PlannedPool(
        name=pool.name,
        sku=pool.sku,
        arch=offer.sku.arch,
        accelerator=offer.unit,
        mig=pool.mig,
        nodes=pool.nodes,
        priority=pool.priority,
        spot_max_price=pool.spot_max_price,
        # Of a pool that exists the zones are decided, and nobody here knows them.
        zones=() if pool.existing else pool.zones or environment.zones,
        os_disk_gb=pool.os_disk_gb,
        usd_per_node_hour=offer.sku.usd_per_hour,
        origin=origin,
        existing=pool.existing,
        taints=pool.taints,
        capacity_reservation=reservation and reservation.group,
        nodes_reserved=reservation.nodes if reservation else 0,
        nodes_used=used,
    )
