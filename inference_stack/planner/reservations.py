"""Nodes that Azure keeps ready: which pools take them, and what they cost while nobody does."""

from collections.abc import Iterator, Mapping, Sequence

from inference_stack.catalog import Catalog
from inference_stack.spec import (
    CapacityReservation,
    Environment,
    Finding,
    GpuPool,
    Priority,
    Severity,
    readable,
    under,
)

from .plan import PlannedPool
from .pools import gpu_sku_findings


def takes_reserved(pool: GpuPool | PlannedPool) -> bool:
    """Whether a pool may belong to a capacity reservation group: Azure reserves nothing for Spot.

    To which group a pool that exists belongs was decided when it was made.
    """
    return pool.existing is None and pool.priority is Priority.REGULAR


def line_name(each: CapacityReservation) -> str:
    """What its nodes that no pool has are called among the prices; no pool has such a name."""
    return f"reserved {each.sku}"


def reserved_nodes(environment: Environment) -> Mapping[str, int]:
    """Nodes that are reserved, by size."""
    return {each.sku: each.nodes for each in environment.capacity_reservations}


def group_of(pool: GpuPool, environment: Environment) -> CapacityReservation | None:
    """The reservation whose nodes a pool takes first; None where there is none for it."""
    if not takes_reserved(pool):
        return None
    return next((each for each in environment.capacity_reservations if each.sku == pool.sku), None)


def reserved_sku_findings(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    """Reservations of what is no GPU size."""
    for index, each in enumerate(environment.capacity_reservations):
        yield from under(f"capacity_reservations[{index}]", readable(gpu_sku_findings(each.sku, catalog)))


def reservation_findings(environment: Environment, pools: Sequence[PlannedPool]) -> Iterator[Finding]:
    """Reserved nodes that are too few for the peak, or more than it needs."""
    for index, each in enumerate(environment.capacity_reservations):
        used = sum(pool.nodes_used for pool in pools if takes_reserved(pool) and pool.sku == each.sku)
        if used > each.nodes:
            yield Finding(
                code="reservation-exceeded",
                severity=Severity.NOTE,
                path=f"capacity_reservations[{index}].nodes",
                given=str(each.nodes),
                what=(
                    f"is less than the {used} nodes of {each.sku} that are filled at peak; for the other "
                    f"{used - each.nodes} Azure may have no capacity"
                ),
                remedy=f"reserve {used}",
            )
        elif used < each.nodes:
            yield Finding(
                code="reservation-idle",
                severity=Severity.NOTE,
                path=f"capacity_reservations[{index}].nodes",
                given=str(each.nodes),
                what=f"is more than the {used} nodes of {each.sku} that are filled at peak; all are paid for",
                remedy=f"reserve {used}" if used else "give the reservation back",
            )
