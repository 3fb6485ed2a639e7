"""vCPUs that a plan takes of the subscription's quota, at peak and while something is upgraded."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from inference_stack.catalog import Catalog, Sku
from inference_stack.spec import Environment, Finding, Priority, Severity, family

from .bill import QuotaUse
from .choice.offer import REGION_CORES, SPOT_CORES
from .occupancy import nodes_filled
from .plan import PlannedModel, PlannedPool
from .reservations import takes_reserved
from .services import Service, services

SYSTEM_SURGE = 0.33
POOL_SURGE = 1
"""What AKS adds while it upgrades nodes: a part of the system pool, a node to every other, none to Spot."""


class Taken(NamedTuple):
    """What nodes take of a family."""

    vcpus: int = 0
    gpus: int = 0

    def __add__(self, other: "Taken") -> "Taken":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both."""
        return Taken(self.vcpus + other.vcpus, self.gpus + other.gpus)


class NodeSet(NamedTuple):
    """Nodes of one size."""

    sku: Sku
    nodes: int
    spot: bool = False


def quota_use(
    environment: Environment, pools: Sequence[PlannedPool], models: Sequence[PlannedModel], catalog: Catalog
) -> tuple[QuotaUse, ...]:
    """What the plan takes of each family, the region's totals first. Every size must be in the catalog.

    Nodes of pools that exist already hold their quota already and do not count. The cluster's own pools count
    with their maximum, GPU pools with the nodes that their models fill. Reserved nodes take quota as
    others do.
    """
    peak = _nodes(environment, pools, models, catalog)
    surge = [*peak, *_surge(environment, pools, catalog)]
    at_peak, at_surge = _by_family(peak), _by_family(surge)
    doubled = [
        taken(environment, pools, models, catalog, service)
        for service in services(models)
        if service.upgrade == "NewCluster"
    ]
    granted = environment.granted
    return tuple(
        QuotaUse(
            family=name,
            granted=granted.get(family(name)),
            vcpus_peak=peaking.vcpus,
            vcpus_node_upgrade=at_surge[name].vcpus,
            vcpus_service_upgrade=max((each[name].vcpus for each in doubled), default=peaking.vcpus),
            gpus_peak=peaking.gpus,
            gpus_upgrading=max(at_surge[name].gpus, *(each[name].gpus for each in doubled), peaking.gpus),
        )
        for name, peaking in sorted(
            at_peak.items(), key=lambda item: (item[0] not in (REGION_CORES, SPOT_CORES), item[0])
        )
    )


def taken(
    environment: Environment,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
    again: Service | None = None,
) -> Mapping[str, Taken]:
    """What models take of each family at peak, and one service `again` beside them.

    Reserved nodes that stand idle have their quota already: a second set on them takes no more.
    """
    return _by_family(_nodes(environment, pools, models, catalog, again))


def quota_findings(environment: Environment, used: Iterable[QuotaUse], catalog: Catalog) -> Iterator[Finding]:
    """Where the plan needs more than is granted: an error at peak, a warning while upgrading."""
    asked = {family(name): name for name in environment.quota}
    for use in used:
        if use.granted is None:
            continue
        path = f'quota["{asked[family(use.family)]}"]'
        if use.vcpus_peak > use.granted:
            yield Finding(
                code="quota-exceeded",
                path=path,
                given=str(use.granted),
                what=f"is less than the {use.vcpus_peak} vCPUs that the plan needs at peak",
                allowed=f"at least {use.vcpus_peak}, or less traffic",
            )
        elif use.vcpus_upgrading > use.granted:
            yield _short_while_upgrading(use, use.granted, path)
    yield from _unknown_families(environment, catalog)


def _nodes(
    environment: Environment,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
    again: Service | None = None,
) -> list[NodeSet]:
    filled = [_gpu_nodes(pool, models, catalog, again) for pool in pools]
    return [*_cluster(environment, catalog), *filled, *_idle(environment, pools, filled, catalog)]


def _cluster(environment: Environment, catalog: Catalog) -> Iterator[NodeSet]:
    system, heads = environment.cluster.system, environment.cluster.heads
    yield NodeSet(catalog.skus[system.sku], system.nodes.max)
    yield NodeSet(catalog.skus[heads.sku], heads.nodes.max)


def _gpu_nodes(
    pool: PlannedPool, models: Sequence[PlannedModel], catalog: Catalog, again: Service | None
) -> NodeSet:
    nodes = 0 if pool.existing else max(pool.nodes.min, nodes_filled(pool, models, again))
    return NodeSet(catalog.skus[pool.sku], nodes, pool.priority is Priority.SPOT)


def _idle(
    environment: Environment, pools: Sequence[PlannedPool], filled: Sequence[NodeSet], catalog: Catalog
) -> Iterator[NodeSet]:
    """Reserved nodes that no pool fills."""
    for each in environment.capacity_reservations:
        if sku := catalog.skus.get(each.sku):
            pairs = zip(pools, filled, strict=True)
            used = sum(nodes.nodes for pool, nodes in pairs if takes_reserved(pool) and pool.sku == each.sku)
            yield NodeSet(sku, max(0, each.nodes - used))


def _surge(environment: Environment, pools: Sequence[PlannedPool], catalog: Catalog) -> Iterator[NodeSet]:
    """Nodes that AKS adds while it upgrades, every pool at once."""
    system, heads = environment.cluster.system, environment.cluster.heads
    yield NodeSet(catalog.skus[system.sku], math.ceil(SYSTEM_SURGE * system.nodes.max))
    yield NodeSet(catalog.skus[heads.sku], POOL_SURGE)
    for pool in pools:
        if pool.priority is not Priority.SPOT and not pool.existing:
            yield NodeSet(catalog.skus[pool.sku], POOL_SURGE)


def _by_family(nodes: Iterable[NodeSet]) -> Mapping[str, Taken]:
    found: defaultdict[str, Taken] = defaultdict(Taken)
    for sku, count, spot in nodes:
        for name in (SPOT_CORES,) if spot else (REGION_CORES, sku.quota_family):
            found[name] += Taken(count * sku.vcpu, count * sku.gpus)
    return found


def _short_while_upgrading(use: QuotaUse, granted: int, path: str) -> Finding:
    nodes, service = use.vcpus_node_upgrade, use.vcpus_service_upgrade
    reasons = [
        f"{service} vCPUs while a service is upgraded beside itself, all its replicas twice"
        for _ in range(service > granted)
    ] + [f"{nodes} vCPUs while AKS upgrades the nodes, one more in each pool" for _ in range(nodes > granted)]
    more = use.vcpus_upgrading - granted
    return Finding(
        code="quota-short-while-upgrading",
        severity=Severity.WARNING,
        path=path,
        given=str(granted),
        what="is enough at peak, and less than " + " and ".join(reasons),
        allowed=f"at least {use.vcpus_upgrading}",
        remedy=(
            f"ask Azure for {more} vCPUs more of {use.family}, or upgrade in a quiet hour"
            + (
                ", or set upgrade: None for a model, whose changes then wait until it is made anew"
                if service > granted
                else ""
            )
        ),
    )


def _unknown_families(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    known = {family(sku.quota_family) for sku in catalog.skus.values()} | {
        family(REGION_CORES),
        family(SPOT_CORES),
    }
    for name in environment.quota:
        if family(name) not in known:
            yield Finding(
                code="quota-family-unknown",
                severity=Severity.NOTE,
                path=f'quota["{name}"]',
                what="is the family of no size of the catalog, so that nothing is held against it",
                allowed=", ".join(sorted({sku.quota_family for sku in catalog.skus.values()})),
            )
