"""A place for every model of an environment, all together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference_stack.catalog import Catalog
from inference_stack.planner.pools import Site
from inference_stack.planner.reservations import reserved_nodes
from inference_stack.spec import MOST_POOLS, Environment, Finding, Isolation, Severity, family, under

from .candidate import Candidate
from .candidates import Found, Search, possible_widths
from .demand import Demand
from .offer import REGION_CORES, Barred, Offer, listed, made
from .packing import CLUSTER_POOLS, Limits, Packing, Pick, Pool, pack, vcpus_by_family
from .remedies import unpinned, unplaced


@dataclass(frozen=True, slots=True)
class Placed:
    """A model with its place, and what else was looked at."""

    demand: Demand
    candidate: Candidate
    found: Found


@dataclass(frozen=True, slots=True)
class Choice:
    """Where models run, and what is wrong with those that run nowhere."""

    placed: tuple[Placed, ...]
    packing: Packing
    limits: Limits
    listed: tuple[Offer, ...]
    """Pools of the environment that are known well enough."""
    barred: tuple[Barred, ...]
    findings: tuple[Finding, ...]


def choose(
    environment: Environment, demands: Sequence[Demand], sites: Sequence[Site | None], catalog: Catalog
) -> Choice:
    """Place all models at once. `sites` has None for a pool that is not known well enough.

    While there is one, nothing is placed automatically: it might have been the right one.
    """
    reserved = reserved_nodes(environment)
    offers = [listed(site, reserved) for site in sites if site]
    found_offers = list(made(environment, catalog))
    offers += [each for each in found_offers if isinstance(each, Offer)]
    barred = tuple(each for each in found_offers if isinstance(each, Barred))
    asked = [demand for demand in demands if demand.pinned or None not in sites]
    findings: list[Finding] = []
    search = Search(offers, fractions=environment.shared_gpus)
    fitting: list[tuple[Demand, Found]] = []
    for demand in asked:
        if demand.pinned and (wrong := list(_impossible(demand, offers))):
            findings += under(f"models[{demand.position}]", wrong)
            continue
        found = search.find(demand)
        if found.candidates:
            fitting.append((demand, found))
        elif not demand.pinned:
            findings += under(f"models[{demand.position}]", unplaced(demand, found.misses, barred))
        elif found.misses:
            findings += under(f"models[{demand.position}]", unpinned(demand, found.misses[0], catalog))
    limits = _limits(environment, catalog)
    packing = pack(_picks(fitting), limits)
    if any(packing.broken(limits)):
        # What costs too much to win by price may be what is left within the limits.
        wider = Search(offers, fractions=environment.shared_gpus, prune=False)
        fitting = [(demand, found if demand.pinned else wider.find(demand)) for demand, found in fitting]
        packing = pack(_picks(fitting), limits)
        findings += _beyond(environment, packing, limits)
    if packing.gap:
        findings.append(_unproven(packing))
    placed = tuple(
        Placed(demand, candidate, found)
        for (demand, found), candidate in zip(fitting, packing.chosen, strict=True)
    )
    return Choice(
        placed, packing, limits, tuple(each for each in offers if each.pool), barred, tuple(findings)
    )


def choose_nothing() -> Choice:
    """The choice where nothing can be placed yet."""
    return Choice((), Packing((), ()), Limits(), (), (), ())


def _picks(fitting: Sequence[tuple[Demand, Found]]) -> list[Pick]:
    return [
        Pick(
            found.candidates,
            demand.model.name if demand.model.isolation is Isolation.DEDICATED else "",
        )
        for demand, found in fitting
    ]


def _impossible(demand: Demand, offers: Sequence[Offer]) -> Iterator[Finding]:
    """Why a replica cannot be dealt out over as many units as its user says; nothing if it can."""
    pinned = demand.pinned
    offer = next((offer for offer in offers if pinned and offer.key == pinned.pool), None)
    if pinned is None or offer is None:
        return
    widths = possible_widths(demand, offer)
    if pinned.gpus not in widths:
        yield Finding(
            code="gpus-impossible",
            path="placement.gpus",
            given=str(pinned.gpus),
            what=(
                f"units do not divide {demand.model.source} on pool {offer.key}, "
                f"where a node offers {offer.unit.per_node}"
                + (" slices; tensor parallel does not span them" if offer.unit.profile else "")
            ),
            allowed=", ".join(map(str, widths)) + (", or a pool of whole GPUs" if offer.unit.profile else ""),
        )
    elif pinned.gpus * pinned.pipeline > offer.unit.per_node or (offer.unit.profile and pinned.pipeline > 1):
        most = 1 if offer.unit.profile else offer.unit.per_node // pinned.gpus
        yield Finding(
            code="pipeline-impossible",
            path="placement.pipeline",
            given=str(pinned.pipeline),
            what=f"stages of {pinned.gpus} GPUs do not lie on one node of pool {offer.key}",
            allowed=f"at most {most}",
        )


def _limits(environment: Environment, catalog: Catalog) -> Limits:
    """What is left for GPUs once the cluster has its own."""
    quota = environment.granted
    for pool in (environment.cluster.system, environment.cluster.heads):
        if sku := catalog.skus.get(pool.sku):
            for name in {family(sku.quota_family), family(REGION_CORES)} & quota.keys():
                quota[name] -= pool.nodes.max * sku.vcpu
    here = sum(pool.existing is None for pool in environment.listed_pools)
    return Limits(quota, MOST_POOLS - CLUSTER_POOLS - here, reserved_nodes(environment))


def _beyond(environment: Environment, packing: Packing, limits: Limits) -> Iterator[Finding]:
    """What the best choice still takes beyond what there is."""
    nodes, offers = packing.nodes, packing.offers
    for index, pool in enumerate(environment.listed_pools):
        needed = nodes.get(Pool(pool.name, ""), 0)
        if needed > pool.nodes.max:
            per_node = offers[Pool(pool.name, "")].unit.per_node
            yield Finding(
                code="pool-too-small",
                path=f"pools[{index}].nodes.max",
                given=str(pool.nodes.max),
                what=(
                    f"is less than the {needed} nodes that its models need at peak: "
                    f"{_listed(packing, pool.name)} units, {per_node} on a node"
                ),
                allowed=f"at least {needed}, or a lower replicas.max",
            )
    taken = vcpus_by_family((offers[pool], count) for pool, count in nodes.items())
    for name, granted in environment.quota.items():
        # What the cluster itself takes is gone already.
        needed = taken.get(family(name), 0) + granted - limits.quota[family(name)]
        if needed > granted:
            yield Finding(
                code="quota-exceeded",
                path=f'quota["{name}"]',
                given=str(granted),
                what=f"is less than the {needed} vCPUs that are needed at peak, whatever the size",
                allowed=f"at least {needed}, or less traffic",
            )
    broken = packing.broken(limits)
    if broken.pools:
        yield _too_many(broken.pools)
    for index, model in enumerate(environment.models):
        if model.isolation is Isolation.DEDICATED and broken.strangers:
            yield Finding(
                code="pool-not-dedicated",
                path=f"models[{index}].isolation",
                given=model.isolation.value,
                what="asks for nodes of its own, and the listed pools have to carry other models too",
                allowed="shared, another pool, or new_pools: true",
            )


def _too_many(pools: int) -> Finding:
    return Finding(
        code="too-many-pools",
        path="models",
        what=f"need {MOST_POOLS + pools} node pools, {CLUSTER_POOLS} of them for the cluster itself",
        allowed=f"at most {MOST_POOLS} in an AKS cluster",
        remedy="isolation: shared, so that models share pools, or another environment for some of them",
    )


def _unproven(packing: Packing) -> Finding:
    return Finding(
        code="packing-unproven",
        severity=Severity.NOTE,
        path="models",
        what=f"may be placed at up to {packing.gap:.2%} less; the search for the last of it was cut short",
    )


def _listed(packing: Packing, pool: str) -> str:
    return " + ".join(
        f"{part.bounds.most} × {part.way.shape.units}"
        for candidate in packing.chosen
        for part in candidate.parts
        if part.way.offer.key == pool
    )
