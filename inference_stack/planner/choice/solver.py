"""The packing of many models, by OR-Tools CP-SAT.

One worker, a fixed seed and a limit in deterministic time: the same environment gives the same plan anywhere.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ortools.sat.python.cp_model_helper import BaseIntVar, LinearExpr
from ortools.sat.sat_parameters_pb2 import SatParameters

from .candidate import Candidate
from .nodes import QUARTERS, divisible, fillings
from .offer import UNPRICED, Offer
from .packing import Limits, Packing, Pick, Pool, part_size
from .program import Program

UNITS_PER_USD = 1000
"""The solver counts in whole numbers: thousandths of a dollar an hour."""

MOST_NODES = 100_000
GAP = 0.002
"""Part of the price below which no better choice is looked for where there are many models.

They fill the same nodes in many ways that differ by less."""
MANY = 40
"""Models from which on that holds."""
DETERMINISTIC_LIMIT = 1.0
"""Where proof takes longer, the best choice found is taken, and the plan says how far it is from proven."""

Terms = defaultdict[Pool, defaultdict[int, list[LinearExpr]]]


def solve(picks: Sequence[Pick], limits: Limits) -> Packing:
    """The best choice among the candidates; see `packing.pack`."""
    program = Program()
    groups = _groups(picks)
    taken = {
        group: [
            program.whole(0, len(members), f"{number}-{index}")
            for index, _ in enumerate(picks[members[0]].candidates)
        ]
        for number, (group, members) in enumerate(groups.items())
    }
    loads: Terms = defaultdict(lambda: defaultdict(list))
    offers: dict[Pool, Offer] = {}
    for group, members in groups.items():
        pick = picks[members[0]]
        program.add(sum(taken[group]) == len(members))
        program.hint(taken[group][0], len(members))
        for count, candidate in zip(taken[group], pick.candidates, strict=True):
            for part in candidate.parts:
                pool = Pool.of(part.way.offer, pick)
                offers[pool] = part.way.offer
                loads[pool][part_size(part)].append(count * part.bounds.most)
    nodes = {pool: _nodes(program, pool, loads[pool], offers[pool]) for pool in loads}
    beyond = _beyond(program, nodes, offers, limits)
    beyond += _strangers(program, picks, groups, taken)
    prices = _prices(program, nodes, offers, limits)
    parameters = SatParameters(
        num_workers=1,
        random_seed=0,
        max_deterministic_time=DETERMINISTIC_LIMIT,
        # All conditions in the relaxation: its bound is tight at once where nodes hold many units.
        linearization_level=2,
        relative_gap_limit=GAP if len(picks) >= MANY else 0.0,
    )
    solved = program.minimize(_amount(picks, groups, taken, prices, beyond), parameters)
    chosen: dict[int, Candidate] = {}
    for group, members in groups.items():
        candidates = picks[members[0]].candidates
        order = [
            each
            for each, count in zip(candidates, taken[group], strict=True)
            for _ in range(solved.value(count))
        ]
        chosen.update(zip(members, order, strict=True))
    ordered = tuple(chosen[number] for number in range(len(picks)))
    return Packing(
        tuple(picks), ordered, gap=max(0.0, 1 - solved.bound / solved.amount) if solved.amount else 0.0
    )


Group = tuple[int, str]


def _groups(picks: Sequence[Pick]) -> dict[Group, list[int]]:
    """Picks that may be exchanged for one another: counted, not told apart."""
    found: dict[Group, list[int]] = {}
    for number, pick in enumerate(picks):
        found.setdefault((id(pick.candidates), pick.owner), []).append(number)
    return found


def _nodes(program: Program, pool: Pool, load: Mapping[int, list[LinearExpr]], offer: Offer) -> BaseIntVar:
    """Nodes that hold the load; as in `nodes.fill`."""
    units, name = offer.unit.per_node, f"{pool.key}/{pool.owner}"
    nodes = program.whole(offer.least_nodes, MOST_NODES, name)
    wide = {size // QUARTERS: list(terms) for size, terms in load.items() if size >= QUARTERS}
    parts = {size: sum(terms) for size, terms in load.items() if size < QUARTERS}
    if parts:
        shared, halves = (program.whole(0, MOST_NODES, f"{name}-{part}") for part in ("gpus", "halves"))
        program.add(2 * halves >= parts.get(2, 0))
        program.add(shared >= parts.get(3, 0) + halves)
        program.add(QUARTERS * shared >= sum(size * count for size, count in parts.items()))
        wide.setdefault(1, []).append(shared)
    program.add(units * nodes >= sum(size * sum(terms) for size, terms in wide.items()))
    if not divisible(tuple(wide)):
        sizes = tuple(sorted(wide, reverse=True))
        ways = list(fillings(sizes, units))
        used = [program.whole(0, MOST_NODES, f"{name}-{way}") for way in ways]
        program.add(nodes >= sum(used))
        for index, size in enumerate(sizes):
            held = sum(way[index] * count for way, count in zip(ways, used, strict=True))
            program.add(held >= sum(wide[size]))
    return nodes


def _beyond(
    program: Program,
    nodes: Mapping[Pool, BaseIntVar],
    offers: Mapping[Pool, Offer],
    limits: Limits,
) -> list[LinearExpr]:
    """What the choice takes beyond the bounds of pools, the quota and AKS's number of pools."""
    quota = limits.quota
    over: list[LinearExpr] = []
    families: defaultdict[str, list[LinearExpr]] = defaultdict(list)
    used: list[BaseIntVar] = []
    for pool, count in nodes.items():
        offer = offers[pool]
        if offer.most_nodes is not None:
            over.append(_above(program, count, offer.most_nodes))
        for name in offer.quota_families:
            families[name].append(count * offer.sku.vcpu)
        if offer.pool is None:
            flag = program.whole(0, 1, f"{pool}-used")
            program.add(count <= MOST_NODES * flag)
            used.append(flag)
    over += [_above(program, sum(terms), quota[name]) for name, terms in families.items() if name in quota]
    return [*over, _above(program, sum(used), limits.pools)] if used else over


def _strangers(
    program: Program,
    picks: Sequence[Pick],
    groups: Mapping[Group, list[int]],
    taken: Mapping[Group, list[BaseIntVar]],
) -> list[LinearExpr]:
    """Models on listed pools that somebody wants for themselves, beyond the first."""
    tenants: defaultdict[Pool, list[tuple[BaseIntVar, bool]]] = defaultdict(list)
    for group, members in groups.items():
        pick = picks[members[0]]
        for count, candidate in zip(taken[group], pick.candidates, strict=True):
            for pool in {Pool.of(part.way.offer, pick) for part in candidate.parts if part.way.offer.pool}:
                tenants[pool].append((count, bool(pick.owner)))
    over: list[LinearExpr] = []
    for pool, those in tenants.items():
        owners = [count for count, owner in those if owner]
        if owners and len(those) > 1:
            owned = program.whole(0, 1, f"{pool}-owned")
            for count in owners:
                program.add(count <= len(picks) * owned)
            strangers = program.whole(0, len(picks), f"{pool}-strangers")
            everybody = sum(count for count, _ in those)
            program.add(strangers >= everybody - 1 - len(picks) * (1 - owned))
            over.append(strangers)
    return over


def _above(program: Program, amount: LinearExpr | int, allowed: int) -> BaseIntVar:
    excess = program.whole(0, 100 * MOST_NODES, f"above-{allowed}")
    program.add(excess >= amount - allowed)
    return excess


def _prices(
    program: Program,
    nodes: Mapping[Pool, BaseIntVar],
    offers: Mapping[Pool, Offer],
    limits: Limits,
) -> list[LinearExpr]:
    """What nodes cost, those left out that Azure keeps ready and that are paid for anyway."""
    found = [
        count * _units(offers[pool].usd_per_node_hour)
        for pool, count in nodes.items()
        if not offers[pool].reserved
    ]
    for name, ready in limits.reserved.items():
        takers = [pool for pool in nodes if offers[pool].reserved and offers[pool].sku.name == name]
        if takers:
            paid = _above(program, sum(nodes[pool] for pool in takers), ready)
            found.append(paid * _units(offers[takers[0]].usd_per_node_hour))
    return found


def _units(usd_per_hour: float | None) -> int:
    return round(UNITS_PER_USD * (usd_per_hour or 0.0))


def _amount(
    picks: Sequence[Pick],
    groups: Mapping[Group, list[int]],
    taken: Mapping[Group, list[BaseIntVar]],
    prices: Sequence[LinearExpr],
    beyond: Sequence[LinearExpr],
) -> list[LinearExpr]:
    """What is to be least: limits, then prices that are not sure, then price; each outweighs what follows."""
    dearest = sum(max(each.usd_per_hour_alone for each in pick.candidates) for pick in picks)
    doubt = round(UNITS_PER_USD * dearest) + 1
    limit = doubt * (1 + UNPRICED * len(picks))
    doubts = [
        count * (each.tier * doubt)
        for group, members in groups.items()
        for count, each in zip(taken[group], picks[members[0]].candidates, strict=True)
    ]
    return [*(each * limit for each in beyond), *doubts, *prices]
