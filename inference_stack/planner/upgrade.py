"""How KubeRay takes over a change of a service's pods: with a second set beside the first, if that has room.

What must have room is what KubeRay waits for before it leads requests over: the head of the second cluster
and the fewest replicas of each model, beside the fewest that everybody else keeps. One service is counted at
a time: two that change together may each take a part of the room and wait for the other's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from inference_stack.catalog import Catalog
from inference_stack.spec import Environment, Finding, Severity, family

from .choice.offer import REGION_CORES, SPOT_CORES
from .elsewhere import at_home
from .heads import head_nodes
from .occupancy import at_rest, homes, nodes_filled
from .plan import PlannedModel, PlannedPool, Strategy
from .quota import taken
from .reservations import takes_reserved
from .services import Service, services


class Lack(NamedTuple):
    """What a second set of a service's pods needs and cannot have."""

    of: Literal["nodes", "heads", "quota"]
    needed: int
    """Nodes, or vCPUs of a quota, with everybody else's."""
    there: int
    what: str
    remedy: str


class Upgrade(NamedTuple):
    """How a service is upgraded, and what follows from that."""

    strategy: Strategy
    why: str
    """In a sentence, without its full stop."""
    chosen: bool
    """Whether the plan chose it, and nobody said it."""
    lacks: tuple[Lack, ...]
    """What the fewest replicas lack twice. With a second cluster they would wait for ever."""
    waits: tuple[Lack, ...]
    """Nodes that all replicas lack twice."""
    unreserved: tuple[Lack, ...]
    """Nodes beyond a reservation that the fewest replicas take twice."""


def upgrades(
    environment: Environment,
    asked: Mapping[str, str],
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
) -> Mapping[str, Upgrade]:
    """How each model is upgraded, by name. `asked` is what the environment says of each: auto, or a strategy.

    Models of one service are upgraded together: what is said of one holds for all of them, None first.
    """
    found: dict[str, Upgrade] = {}
    rest = at_rest(models)
    for service, kept in zip(services(models), services(rest), strict=True):
        said = {model.name: asked[model.name] for model in service.models}
        lacks = second_set_lacks(environment, kept, pools, rest, catalog)
        waits = tuple(_nodes_lacking(service, pools, models))
        unreserved = tuple(_unreserved(kept, pools, rest))
        strategy: Strategy = "NewCluster"
        if "None" in said.values() or (lacks and "NewCluster" not in said.values()):
            strategy = "None"
        speakers = [name for name, each in said.items() if each == strategy]
        for model in service.models:
            why = (
                f"the environment says so of {model.name if model.name in speakers else speakers[0]}"
                if speakers
                else _room(kept, pools, rest, lacks, waits)
            )
            found[model.name] = Upgrade(strategy, why, not speakers, lacks, waits, unreserved)
    return found


def second_set_lacks(
    environment: Environment,
    service: Service,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
) -> tuple[Lack, ...]:
    """What a second set of a service's pods lacks beside what models have at peak; nothing where it has room.

    Nodes of its pools, of the pool of heads, and vCPUs of each family whose quota is known. Reserved nodes
    that stand idle count as there. To have fewer nodes reserved than are needed is no lack: Azure gives more
    where it has them.
    """
    return (
        *_nodes_lacking(service, pools, models),
        *_heads_lacking(environment, service, pools, models, catalog),
        *_quota_lacking(environment, service, pools, models, catalog),
    )


def upgrade_findings(model: PlannedModel, upgrade: Upgrade) -> Iterator[Finding]:
    """What to know of a model's upgrades; paths from the model."""
    if upgrade.strategy == "None":
        if upgrade.chosen:
            yield _in_place(model, upgrade)
        return
    if upgrade.lacks:
        yield Finding(
            code="upgrade-without-room",
            severity=Severity.WARNING,
            path="replicas",
            what=f"{_beside(upgrade.lacks, 'even with the fewest of them')}; it never ends",
            remedy=f"{_ways(upgrade.lacks)}; or upgrade: auto, which takes None here",
        )
        return
    if upgrade.waits:
        yield Finding(
            code="upgrade-waits-for-nodes",
            severity=Severity.NOTE,
            path="replicas",
            what=f"{_beside(upgrade.waits, 'at peak')}; new ones wait until old ones go",
            remedy=f"upgrade in a quiet hour, or {_ways(upgrade.waits)}",
        )
    if upgrade.unreserved:
        yield Finding(
            code="upgrade-beyond-reservation",
            severity=Severity.NOTE,
            path="replicas",
            what=(
                f"{_beside(upgrade.unreserved, 'on reserved nodes')}; while Azure has none, new ones wait "
                "and old ones serve"
            ),
            remedy=_ways(upgrade.unreserved),
        )


def _nodes_lacking(
    service: Service, pools: Sequence[PlannedPool], models: Sequence[PlannedModel]
) -> Iterator[Lack]:
    for pool in _homes(service, pools):
        needed, there = nodes_filled(pool, models, service), pool.nodes.max
        if needed > max(there, nodes_filled(pool, models)):
            listed = ", which to list then" if pool.origin == "made" else ""
            yield Lack(
                "nodes",
                needed,
                there,
                f"pool {pool.name} may have {_nodes(pool, there)}, and {_nodes(pool, needed)} are needed",
                f"nodes.max: {needed} for pool {pool.name}{listed}",
            )


def _heads_lacking(
    environment: Environment,
    service: Service,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
) -> Iterator[Lack]:
    heads, here = environment.cluster.heads, services(at_home(models, pools))
    there = heads.nodes.max
    needed = head_nodes(len(here) + 1, heads, catalog) or 0
    if service in here and needed > there:
        yield Lack(
            "heads",
            needed,
            there,
            f"the pool of heads may have {there} nodes, and one more head needs {needed}",
            f"cluster.heads.nodes.max: {needed}",
        )


def _quota_lacking(
    environment: Environment,
    service: Service,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
) -> Iterator[Lack]:
    granted = environment.granted
    if not granted:
        return
    alone = taken(environment, pools, models, catalog)
    for name, needed in taken(environment, pools, models, catalog, service).items():
        there = granted.get(family(name))
        if there is not None and needed.vcpus > max(there, alone[name].vcpus):
            gpus = "" if name in (REGION_CORES, SPOT_CORES) else f", for {needed.gpus} GPUs"
            yield Lack(
                "quota",
                needed.vcpus,
                there,
                f"{there} vCPUs of {name} are granted, and {needed.vcpus} are needed{gpus}",
                f"ask Azure for {needed.vcpus - there} vCPUs more of {name}",
            )


def _unreserved(
    service: Service, pools: Sequence[PlannedPool], models: Sequence[PlannedModel]
) -> Iterator[Lack]:
    for size in {pool.sku: None for pool in _homes(service, pools) if pool.capacity_reservation}:
        sharing = [pool for pool in pools if pool.sku == size and takes_reserved(pool)]
        alone, both = (
            sum(max(pool.nodes.min, nodes_filled(pool, models, again)) for pool in sharing)
            for again in (None, service)
        )
        there = sharing[0].nodes_reserved
        if both > max(there, alone):
            yield Lack(
                "nodes",
                both,
                there,
                f"{there} nodes of {size} are reserved, and {both} are needed",
                f"reserve {both} nodes of {size}",
            )


def _homes(service: Service, pools: Sequence[PlannedPool]) -> Iterator[PlannedPool]:
    return (pool for pool in pools if any(pool.name in homes(model) for model in service.models))


def _nodes(pool: PlannedPool, nodes: int) -> str:
    gpus = nodes * pool.accelerator.per_node // pool.accelerator.per_gpu
    return f"{nodes} node{'' if nodes == 1 else 's'} with {gpus} GPU{'' if gpus == 1 else 's'}"


def _room(
    kept: Service,
    pools: Sequence[PlannedPool],
    rest: Sequence[PlannedModel],
    lacks: Sequence[Lack],
    waits: Sequence[Lack],
) -> str:
    if lacks:
        return "a second set of its pods has no room: " + _all(lacks)
    filled = [(pool, nodes_filled(pool, rest, kept)) for pool in _homes(kept, pools)]
    if not any(nodes_filled(pool, kept.models) for pool, _ in filled):
        return "it keeps no replica, so that a second cluster begins with its head alone"
    room = " and ".join(f"{nodes} of {pool.nodes.max} nodes of pool {pool.name}" for pool, nodes in filled)
    quiet = "" if not waits else ", but not all of them at peak"
    return f"its fewest replicas have room twice, on {room}{quiet}"


def _in_place(model: PlannedModel, upgrade: Upgrade) -> Finding:
    start = model.cold_start
    away = f", and is away for as long as a start takes, about {start.total.typical:.0f} s" if start else ""
    return Finding(
        code="upgrade-in-place",
        severity=Severity.WARNING,
        path="upgrade",
        given="auto",
        what=(
            f"is None here, since {upgrade.why}; a change of image or pods then waits until the service is "
            f"made anew{away}"
        ),
        remedy=f"{_ways(upgrade.lacks)}; or upgrade: None, if that will do",
    )


def _beside(lacks: Sequence[Lack], when: str) -> str:
    return f"are upgraded beside those that serve, and have no room for that {when}: {_all(lacks)}"


def _all(lacks: Sequence[Lack]) -> str:
    return "; ".join(lack.what for lack in lacks)


def _ways(lacks: Sequence[Lack]) -> str:
    return " and ".join(lack.remedy for lack in lacks)
