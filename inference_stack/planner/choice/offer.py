"""What models could run on: the pools of an environment, and those that the plan might make."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from inference_stack.catalog import Catalog, Sku
from inference_stack.planner.accelerator import accelerator
from inference_stack.planner.plan import Accelerator, cluster_of
from inference_stack.planner.pools import Site
from inference_stack.planner.region import absent
from inference_stack.planner.replica import Silicon
from inference_stack.planner.reservations import reserved_nodes, takes_reserved
from inference_stack.planner.silicon import silicon
from inference_stack.spec import Environment, GpuPool, Mig, MigProfile, Priority, family

BRIDGED = 2
"""GPUs that an NVLink bridge joins, where GPUs come as cards; the others of the node are behind PCIe."""

VERIFIED, UNVERIFIED, UNPRICED = range(3)
"""How much a price is worth: one that is confirmed wins over any that is not."""


SPOT_CORES = "lowPriorityCores"
"""Azure's name for the quota of Spot vCPUs of a region, which no family counts."""

REGION_CORES = "cores"
"""Azure's name for all vCPUs of a region but Spot's."""


@dataclass(frozen=True)
class Offer:
    """One kind of unit that can be had: whole GPUs or slices of a size, in a pool that is there or may be."""

    key: str
    """Name of the pool."""
    sku: Sku
    unit: Accelerator
    silicon: Silicon
    pool: GpuPool | None = None
    """Pool of the environment; None where the plan would make it."""
    profile: MigProfile | None = None
    priority: Priority = Priority.REGULAR
    reserved: bool = False
    """Whether Azure keeps nodes of this size ready, which are paid for anyway."""

    @property
    def usd_per_node_hour(self) -> float | None:
        """What one more node costs, list price: nothing on nodes that somebody pays for anyway."""
        return 0.0 if self.existing else self.sku.usd_per_hour

    @property
    def existing(self) -> bool:
        """Whether the pool is there already."""
        return self.pool is not None and self.pool.existing is not None

    @property
    def cluster(self) -> str | None:
        """The cluster that it lies in, in small letters; None for that of the environment."""
        existing = self.pool and self.pool.existing
        return cluster_of(existing).lower() if existing else None

    @property
    def quota_families(self) -> tuple[str, ...]:
        """What quotas its nodes take, in the form of `family`; none where they are there already."""
        if self.existing:
            return ()
        spot = self.priority is Priority.SPOT
        return (family(SPOT_CORES),) if spot else (family(self.sku.quota_family), family(REGION_CORES))

    @property
    def tier(self) -> int:
        """How much the price is worth."""
        if self.existing or self.reserved:
            return VERIFIED
        if self.sku.usd_per_hour is None:
            return UNPRICED
        return VERIFIED if self.sku.price_verified else UNVERIFIED

    @property
    def most_nodes(self) -> int | None:
        """Nodes that the pool may have; None where nobody set a bound."""
        return self.pool.nodes.max if self.pool else None

    @property
    def least_nodes(self) -> int:
        """Nodes that the pool has whether they are used or not."""
        return self.pool.nodes.min if self.pool else 0

    @cached_property
    def usd_per_unit_hour(self) -> float:
        """Share of a node that one unit costs; 0 where the price is unknown."""
        return (self.usd_per_node_hour or 0.0) / self.unit.per_node

    @property
    def gpus_per_unit(self) -> float:
        """Part of a GPU that a unit is."""
        return 1 / self.unit.per_gpu

    def linked(self, tensor_parallel: int) -> Silicon:
        """The unit as one of so many that talk to each other: cards behind PCIe have no faster link."""
        bridged = re.search(r"PCIe|NVL(?!\d)", self.unit.gpu) is not None
        return (
            replace(self.silicon, link_gb_s=None) if bridged and tensor_parallel > BRIDGED else self.silicon
        )


@dataclass(frozen=True, slots=True)
class Barred:
    """A size that may not be used at all, and why."""

    sku: Sku
    limit: str
    what: str


def listed(site: Site, reserved: Collection[str] = ()) -> Offer:
    """A pool of the environment as an offer; `reserved` are sizes of which Azure keeps nodes ready."""
    pool, sku, unit = site
    return Offer(
        key=pool.name,
        sku=sku,
        unit=unit,
        silicon=_silicon(sku.name, unit.profile),
        pool=pool,
        profile=pool.mig.profile if pool.mig else None,
        priority=pool.priority,
        reserved=sku.name in reserved and takes_reserved(pool),
    )


def made(environment: Environment, catalog: Catalog) -> Iterator[Offer | Barred]:
    """What the plan may make by itself, and what bars the rest of the catalog."""
    if not environment.may_add_pools:
        return
    for sku in catalog.skus.values():
        if sku.gpu is None:
            continue
        if barred := _barred(sku, environment):
            yield barred
            continue
        # A slice that is alone on its GPU costs what the GPU costs.
        slices = (MigProfile(row.aks_profile) for row in catalog.profiles(sku.name) if row.per_gpu > 1)
        yield from (_made(sku, profile, environment, catalog) for profile in (None, *slices))


def made_pool(offer: Offer, name: str, nodes_min: int, nodes_max: int, reason: str | None) -> GpuPool:
    """The pool that the plan makes of an offer."""
    return GpuPool.model_validate(
        {
            "name": name,
            "sku": offer.sku.name,
            "mig": {"profile": offer.profile} if offer.profile else None,
            "nodes": {"min": nodes_min, "max": nodes_max, "reason": reason if nodes_min else None},
            "priority": offer.priority,
        }
    )


def _made(sku: Sku, profile: MigProfile | None, environment: Environment, catalog: Catalog) -> Offer:
    unit = accelerator(sku, Mig(profile=profile) if profile else None, catalog)
    return Offer(
        key=_name(sku, profile),
        sku=sku,
        unit=unit,
        silicon=_silicon(sku.name, unit.profile),
        profile=profile,
        priority=Priority.SPOT if environment.spot else Priority.REGULAR,
        reserved=not environment.spot and sku.name in reserved_nodes(environment),
    )


def _silicon(sku: str, profile: str | None) -> Silicon:
    return silicon(sku=sku, mig=profile)


def _barred(sku: Sku, environment: Environment) -> Barred | None:
    if not sku.new_capacity and not environment.new_a100_capacity:
        return Barred(sku, "capacity", "gets no new capacity; new_a100_capacity: true asks for it anyway")
    if absent(sku, environment.region):
        return Barred(sku, "region", f"has no list price in {environment.region}")
    if sku.arch == "arm64" and not environment.images.arm64:
        return Barred(sku, "architecture", "is arm64, and the image is not: images.arm64 is false")
    name = SPOT_CORES if environment.spot else sku.quota_family
    granted = environment.granted.get(family(name))
    if granted is not None and granted < sku.vcpu:
        return Barred(sku, "quota", f"one node takes {sku.vcpu} vCPUs of {name}, which grants {granted}")
    return None


def _name(sku: Sku, profile: MigProfile | None) -> str:
    """A name that stays when other pools come and go: h94x1m2 is 2g of a node with one H100 NVL."""
    kind, memory = re.match(r"([A-Z]+).*?(\d+)GB$", (sku.gpu or "").upper()).groups()  # type: ignore[union-attr]
    name = f"{kind[0].lower()}{memory}x{sku.gpus}" + (f"m{profile[3]}" if profile else "")
    return name if len(name) <= 7 else name.replace("x", "")
