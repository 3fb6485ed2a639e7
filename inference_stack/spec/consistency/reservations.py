"""Capacity reservations: of a size that Regular pools of this environment take."""

from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding
from inference_stack.spec.pools import Priority

from .rules import distinct, readable


def reservation_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions about the nodes that Azure keeps ready."""
    yield from readable(_sizes(environment))
    yield from readable(_unused(environment))


def _sizes(environment: Environment) -> Iterator[Finding]:
    # A pool belongs to one group only.
    reserved = environment.capacity_reservations
    yield from distinct("capacity_reservations", reserved, lambda reservation: reservation.sku, ".sku")


def _unused(environment: Environment) -> Iterator[Finding]:
    if environment.may_add_pools and not environment.spot:
        return
    pools = environment.listed_pools
    made = [pool for pool in pools if pool.existing is None]
    takers = {pool.sku.casefold(): pool.sku for pool in made if pool.priority is not Priority.SPOT}
    for index, reservation in enumerate(environment.capacity_reservations):
        if reservation.sku.casefold() in takers:
            continue
        spot = environment.may_add_pools or any(pool.sku == reservation.sku for pool in made)
        yield Finding(
            code="reservation-unused",
            path=f"capacity_reservations[{index}].sku",
            given=reservation.sku,
            what=(
                "is reserved for nobody: Azure reserves none for Spot, and no other pool has the size"
                if spot
                else "is reserved for nobody: it is the size of no pool that this environment makes"
            ),
            allowed=", ".join([*takers.values(), "or a Regular pool of this size"]),
        )
