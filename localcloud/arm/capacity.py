"""Where a size is offered, in which zones, and where Azure has run out of it.

What is never offered follows from ``tables/availability.csv``; a size without a row is offered everywhere.
What has run out is said to the store, and said again when it is back.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from localcloud.arm import quota
from localcloud.arm.difference import location
from localcloud.arm.refusal import ArmError, refusal
from localcloud.arm.request import SUBSCRIPTION_ID, Put
from localcloud.arm.store import Store
from localcloud.arm.vm_sizes import VmSize, vm_sizes

_TABLE = Path(__file__).parent / "tables" / "availability.csv"

Lack = Literal[
    "AllocationFailed",
    "ZonalAllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "SkuNotAvailable",
]
"""Row of ``refusals.toml``. SkuNotAvailable refuses every PUT; the others come after ARM has accepted,
and only where nodes are made."""


class Offer(NamedTuple):
    """Where a size is offered."""

    regions: frozenset[str]
    zones: frozenset[str] | None
    """None where they are not known."""


@cache
def offers() -> dict[str, Offer]:
    """Every row of ``availability.csv``, by the size in lower case."""
    with _TABLE.open(newline="") as lines:
        return {
            row["size"].lower(): Offer(
                frozenset(row["regions"].split()), frozenset(row["zones"].split()) or None
            )
            for row in csv.DictReader(lines)
        }


def run_out(store: Store, size: str, zone: str = "", lack: Lack = "AllocationFailed") -> None:
    """Let Azure run out of a size, in one zone or, without one, wherever a pool names none or any."""
    store.execute("INSERT OR REPLACE INTO sold_out VALUES (?, ?, ?)", size, zone, lack)


def restock(store: Store, size: str, zone: str = "") -> None:
    """Let there be nodes of that size again."""
    store.execute("DELETE FROM sold_out WHERE size = ? AND zone = ?", size, zone)


def refuse_unoffered(put: Put, size: VmSize, shown: Mapping[str, Any]) -> None:
    """Refuse a size that its region does not offer, and zones that region or size do not have."""
    region, zones = location(put.location), [str(zone) for zone in shown.get("availabilityZones") or ()]
    offer = offers().get(size.name.lower())
    if offer is not None and region not in offer.regions:
        raise unsupported(size.name, region)
    supported = _zones(region) if offer is None or offer.zones is None else offer.zones
    if wrong := [zone for zone in zones if supported is not None and zone not in supported]:
        raise refusal(
            "AvailabilityZoneNotSupported",
            name=put.parent.name if put.parent else put.name,
            group=put.group_id.rpartition("/")[2] if put.group_id else "",
            zones=", ".join(f"'{zone}'" for zone in wrong),
            pool=put.name,
            location=region,
            supported=", ".join(f"'{zone}'" for zone in sorted(supported or ())),
        )
    if (lack := _lacking(put.store, size.name, zones)) == "SkuNotAvailable":
        raise _lack_error(lack, put.id, region, zones)


def unsupported(size: str, region: str) -> ArmError:
    """What AKS says of a size that a region does not have, with those that it has."""
    available = [
        known.name
        for name, known in vm_sizes().items()
        if name not in offers() or region in offers()[name].regions
    ]
    return refusal(
        "VMSizeNotSupported",
        size=size,
        subscription=SUBSCRIPTION_ID,
        location=region,
        available=", ".join(available),
    )


def allocation_error(store: Store, pool_id: str, before: int, shown: Mapping[str, Any]) -> ArmError | None:
    """Why the nodes that a pool is to have more than ``before`` cannot be made, or None.

    Nodes go round the zones of their pool. Reserved capacity is there whatever else has run out.
    """
    count = int(shown.get("count") or 0)
    if count <= before or shown.get("capacityReservationGroupID"):
        return None
    zones = [str(zone) for zone in shown.get("availabilityZones") or ()]
    used = [zones[number % len(zones)] for number in range(before, count)] if zones else []
    lack = _lacking(store, str(shown["vmSize"]), used)
    return None if lack is None else _lack_error(lack, pool_id, "", zones)


def room(store: Store, pool_id: str, wanted: int) -> tuple[int, ArmError | None]:
    """How many nodes an autoscaler gets that wants to add so many to a pool, and what keeps back the rest.

    Raises:
        LookupError: no such pool.
    """
    for number in range(1, wanted + 1):
        error = quota.shortage(store, pool_id, number)
        pool = store.get(pool_id)
        if error is None and pool is not None:
            before = int(pool.properties.get("count") or 0)
            error = allocation_error(store, pool_id, before, {**pool.properties, "count": before + number})
        if error is not None:
            return number - 1, error
    return wanted, None


def _lack_error(lack: str, pool_id: str, region: str, zones: Sequence[str]) -> ArmError:
    return refusal(
        lack, resource=pool_id, location=region, zones=",".join(zones), subscription=SUBSCRIPTION_ID
    )


def _lacking(store: Store, size: str, zones: Sequence[str]) -> str | None:
    for zone in ("", *zones):
        rows = store.execute("SELECT refusal FROM sold_out WHERE size = ? AND zone = ?", size, zone)
        if rows:
            return rows[0][0]
    return None


def _zones(region: str) -> frozenset[str] | None:
    """The zones of a region; None if the region is not known."""
    from inference_stack.catalog import CATALOG  # slow to import, and no preview needs it

    known = CATALOG.regions.get(region)
    return None if known is None else frozenset(str(number + 1) for number in range(known.zones))
