"""Where each model runs: where its user pins it, or on the cheapest declared pool that fits and has room."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inference_stack.catalog import Catalog, ModelRow
from inference_stack.spec import Environment, Finding, Model, Placement, Unparsed, under

from .fit import Fit, fit, memory_findings, possible_units
from .pools import Site

SIZES = (1, 2, 4, 8)
"""Units that auto tries for a replica, smallest first."""


class Candidate(NamedTuple):
    """A model of an environment that is known well enough to be placed."""

    position: int
    model: Model
    row: ModelRow
    pinned: Placement | None


class Placed(NamedTuple):
    """A model with its place."""

    position: int
    fit: Fit


class Placements(NamedTuple):
    """Models that have a place, in the order of the environment, and what is wrong with the others."""

    placed: tuple[Placed, ...]
    findings: tuple[Finding, ...]


class Room:
    """How much of each pool the placed models take at peak."""

    def __init__(self) -> None:
        """Nothing is taken."""
        self.taken: defaultdict[str, list[Fit]] = defaultdict(list)

    def take(self, placed: Fit) -> None:
        """Give a model its replicas at peak."""
        self.taken[placed.site.pool.name].append(placed)

    def nodes_with(self, placed: Fit) -> int:
        """Nodes that the pool needs at peak if this model comes too."""
        return nodes_needed([*self.taken[placed.site.pool.name], placed])


def place(
    environment: Environment, candidates: Sequence[Candidate], sites: Sequence[Site | None], catalog: Catalog
) -> Placements:
    """Place all candidates, the pinned ones first. `sites` has None for a pool that is not known enough."""
    known = [site for site in sites if site]
    room = Room()
    placed: list[Placed] = []
    findings: list[Finding] = []
    for candidate in sorted(candidates, key=lambda each: each.pinned is None):
        try:
            if candidate.pinned:
                found = _pinned(candidate, candidate.pinned, known, catalog)
            elif len(known) == len(sites):
                found = _auto(candidate, known, room, catalog)
            else:
                # The pool that is not known might have been the right one.
                continue
        except Unparsed:
            continue
        if isinstance(found, Fit):
            room.take(found)
            placed.append(Placed(candidate.position, found))
        else:
            findings += under(f"models[{candidate.position}]", found)
    findings += _pools_too_small(environment, room)
    return Placements(tuple(sorted(placed, key=lambda each: each.position)), tuple(findings))


def replicas_max(model: Model) -> int:
    """Replicas at peak."""
    return model.replicas.max if model.replicas else 1


def nodes_needed(placed: Sequence[Fit]) -> int:
    """Nodes of a pool for all replicas of these models, the widest first; a replica is on one node."""
    free: Counter[int] = Counter()
    nodes = 0
    for each in sorted(placed, key=lambda each: each.load.units, reverse=True):
        units, left = each.load.units, replicas_max(each.model)
        for gap in sorted(gap for gap in free if gap >= units):
            filled = min(free[gap], math.ceil(left / (gap // units)))
            took = min(left, filled * (gap // units))
            _fill(free, gap, filled, units, took)
            left -= took
        per_node = each.site.unit.per_node // units
        new = math.ceil(left / per_node)
        nodes += new
        free[each.site.unit.per_node] += new
        _fill(free, each.site.unit.per_node, new, units, left)
    return nodes


def _fill(free: Counter[int], gap: int, nodes: int, units: int, replicas: int) -> None:
    """Put replicas on nodes with `gap` free units, as many on each as go; the last one may keep some."""
    if not nodes:
        return
    each = gap // units
    last = replicas - (nodes - 1) * each
    free[gap] -= nodes
    free[gap - each * units] += nodes - 1
    free[gap - last * units] += 1


def _pinned(
    candidate: Candidate, asked: Placement, sites: Sequence[Site], catalog: Catalog
) -> Fit | list[Finding]:
    model, row = candidate.model, candidate.row
    site = next((site for site in sites if site.pool.name == asked.pool), None)
    if site is None:
        # Told where the pool is declared, or as a pool that is not.
        return []
    if asked.gpus not in possible_units(row, site):
        return [_wrong_units(asked.gpus, row, site)]
    found = fit(model, row, site, asked.gpus, catalog)
    return list(memory_findings(found, catalog)) or found


def _wrong_units(asked: int, row: ModelRow, site: Site) -> Finding:
    possible = ", ".join(map(str, possible_units(row, site)))
    unit = site.unit
    if unit.profile:
        what = f"would span MIG slices of pool {site.pool.name}: tensor parallel does not work across slices"
        possible = "1, or a pool of whole GPUs"
    elif asked > unit.per_node:
        what = f"is more than a node of pool {site.pool.name} has, which is {unit.per_node}"
    else:
        what = f"does not divide the {row.heads} attention and {row.kv_heads} KV heads of {row.id}"
    return Finding(
        code="gpus-impossible", path="placement.gpus", given=str(asked), what=what, allowed=possible
    )


def _auto(candidate: Candidate, sites: Sequence[Site], room: Room, catalog: Catalog) -> Fit | list[Finding]:
    """The cheapest place at list price for one replica; a price nobody confirmed wins only without rival."""
    tried = [
        fit(candidate.model, candidate.row, site, units, catalog)
        for site in sites
        for units in possible_units(candidate.row, site)
        if units in SIZES
    ]
    fitting = [each for each in tried if each.holds_context]
    roomy = [each for each in fitting if room.nodes_with(each) <= each.site.pool.nodes.max]
    if roomy:
        return min(roomy, key=_preference)
    return [_no_room(candidate.model, fitting, room)] if fitting else [_fits_nowhere(candidate.model, tried)]


def _preference(found: Fit) -> tuple[bool, float, int]:
    sku = found.site.sku
    node = math.inf if sku.usd_per_hour is None else sku.usd_per_hour
    return not sku.price_verified, node / found.site.unit.per_node * found.load.units, found.load.units


def _no_room(model: Model, fitting: Sequence[Fit], room: Room) -> Finding:
    wanted = {each.site.pool.name: room.nodes_with(each) for each in reversed(fitting)}
    return Finding(
        code="no-room",
        path="replicas.max",
        given=str(replicas_max(model)),
        what="replicas find no room at peak on any pool that they fit on",
        allowed="fewer, or "
        + ", or ".join(f"nodes.max: {nodes} for pool {pool}" for pool, nodes in wanted.items()),
    )


def _fits_nowhere(model: Model, tried: Sequence[Fit]) -> Finding:
    best = max(tried, key=lambda each: (each.memory.kv_tokens, each.memory.usable_gib * each.load.units))
    tokens, units = best.memory.kv_tokens, best.load.units
    return Finding(
        code="fits-nowhere",
        path="context_tokens" if tokens else "source",
        given=str(model.context_tokens) if tokens else model.source,
        what=(
            f"fits on no declared pool; the most room is on pool {best.site.pool.name}: {best.place} has "
            f"{units * best.memory.usable_gib:.1f} GiB for {best.row.weights_gib:.1f} GiB of weights, "
            f"and leaves {units * best.memory.kv_gib:.1f} GiB for the KV cache"
        ),
        allowed=f"at most {tokens} tokens, or a pool with more memory"
        if tokens
        else "a pool with more memory",
    )


def _pools_too_small(environment: Environment, room: Room) -> Iterator[Finding]:
    for index, pool in enumerate(environment.listed_pools):
        try:
            placed, most = room.taken.get(pool.name, []), pool.nodes.max
            needed = nodes_needed(placed)
        except Unparsed:
            continue
        if needed > most:
            asked = " + ".join(
                f"{each.model.name} {replicas_max(each.model)} × {each.load.units}" for each in placed
            )
            yield Finding(
                code="pool-too-small",
                path=f"pools[{index}].nodes.max",
                given=str(most),
                what=(
                    f"is less than the {needed} nodes that its models need at peak: {asked} units, "
                    f"{placed[0].site.unit.per_node} on a node"
                ),
                allowed=f"at least {needed}, or a lower replicas.max",
            )
