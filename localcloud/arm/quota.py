"""vCPU quota: what was granted in a region, what pools take of it, and what ARM says where it is too little.

A family without a row in the store has no limit. Nodes count against their size's family and against the
region's ``cores``; Spot nodes against ``lowPriorityCores`` alone. Each subscription has the same limits,
and what the pools of one take is nothing to another.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from localcloud.arm.difference import location
from localcloud.arm.kinds import POOL
from localcloud.arm.refusal import ArmError, refusal
from localcloud.arm.store import Store, Stored
from localcloud.arm.vm_sizes import VmSize, vm_size

REGION = "cores"
SPOT = "lowPriorityCores"


class Place(NamedTuple):
    """Where a quota holds."""

    subscription: str
    region: str


class Left(NamedTuple):
    """What is left of one family."""

    family: str
    limit: int
    used: int

    @property
    def vcpus(self) -> int:
        """vCPUs that can still be taken."""
        return max(self.limit - self.used, 0)


def set_quota(store: Store, vcpus: Mapping[str, int]) -> None:
    """Grant vCPUs by quota family, ``cores`` or ``lowPriorityCores``; a family left out has no limit."""
    with store.transaction():
        store.execute("DELETE FROM quota")
        for family, granted in vcpus.items():
            store.execute("INSERT INTO quota VALUES (?, ?)", _plain(family), granted)


def left(store: Store, size: VmSize, place: Place, *, spot: bool) -> list[Left]:
    """What is left of the families that a size counts against; those without a limit left out."""
    found: list[Left] = []
    for family in (SPOT,) if spot else (REGION, size.family):
        rows = store.execute("SELECT vcpus FROM quota WHERE family = ?", _plain(family))
        if rows:
            used = sum(taken for name, taken in _taken(store, place) if _plain(name) == _plain(family))
            found.append(Left(family, rows[0][0], used))
    return found


def shortage(store: Store, pool_id: str, nodes: int) -> ArmError | None:
    """What Compute tells an autoscaler that adds so many nodes to a pool; None if the quota suffices.

    Raises:
        LookupError: no such pool.
    """
    lefts, size, region = _of_pool(store, pool_id)
    needed = nodes * size.vcpu
    for each in lefts:
        if needed > each.vcpus:
            name = {REGION: "Total Regional Cores", SPOT: "LowPriorityCores"}.get(
                each.family, f"{each.family} Cores"
            )
            return refusal(
                "QuotaExceeded",
                name=name,
                location=region,
                limit=each.limit,
                used=each.used,
                needed=needed,
                minimum=each.used + needed,
            )
    return None


def refuse_beyond(store: Store, pool_id: str, region: str, shown: Mapping[str, Any]) -> None:
    """Refuse a PUT of a pool with more nodes than the quota allows, as AKS's preflight does.

    What the pool has already is its own; surge nodes are not counted before there is an upgrade.
    """
    size = vm_size(str(shown["vmSize"]))
    current = store.get(pool_id)
    held = _nodes(current.properties) if current else 0
    added = _nodes(shown) - held
    if size is None or added <= 0:
        return
    needed = added * size.vcpu
    place = Place(_subscription(pool_id), location(region))
    for each in left(store, size, place, spot=shown.get("scaleSetPriority") == "Spot"):
        if needed > each.vcpus:
            name = "InsufficientFamilyQuota" if each.family == size.family else "InsufficientRegionalQuota"
            raise refusal(name, family=each.family, location=place.region, left=each.vcpus, needed=needed)


def _of_pool(store: Store, pool_id: str) -> tuple[list[Left], VmSize, str]:
    pool = store.get(pool_id)
    size = vm_size(str(pool.properties["vmSize"])) if pool else None
    if pool is None or size is None:
        raise LookupError(f"no pool {pool_id}")
    place = _place(store, pool)
    spot = pool.properties.get("scaleSetPriority") == "Spot"
    return left(store, size, place, spot=spot), size, place.region


def _taken(store: Store, place: Place) -> Iterator[tuple[str, int]]:
    """vCPUs by family that the pools of a place hold."""
    for pool in store.all(POOL):
        size = vm_size(str(pool.properties.get("vmSize")))
        if size is None or _place(store, pool) != place:
            continue
        vcpus = _nodes(pool.properties) * size.vcpu
        spot = pool.properties.get("scaleSetPriority") == "Spot"
        for family in (SPOT,) if spot else (REGION, size.family):
            yield family, vcpus


def _nodes(properties: Mapping[str, Any]) -> int:
    running = (properties.get("powerState") or {}).get("code") != "Stopped"
    return int(properties.get("count") or 0) if running else 0


def _place(store: Store, pool: Stored) -> Place:
    cluster = store.get(pool.parent_id or "")
    region = location(cluster.properties.get("location", "")) if cluster else ""
    return Place(_subscription(pool.id), region)


def _subscription(resource_id: str) -> str:
    return resource_id.lower().removeprefix("/subscriptions/").partition("/")[0]


def _plain(family: str) -> str:
    """Azure writes families with and without spaces, in any case."""
    return family.replace(" ", "").lower()
