"""Which candidate each model takes, and how many nodes that makes: exactly, all models together."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inference_stack.spec import MOST_POOLS, OWN_POOLS

from .candidate import Candidate
from .nodes import nodes_needed
from .offer import Offer

ENUMERATED = 2000
"""Combinations of candidates that are simply all tried: loading the solver takes longer than that."""

CLUSTER_POOLS = len(OWN_POOLS)
"""Node pools that are not for models: the system's, and that of the Ray heads."""


class Limits(NamedTuple):
    """What there is to choose within."""

    quota: Mapping[str, int] = {}
    """vCPUs left for GPU nodes by quota family, in the form of `family`."""
    pools: int = MOST_POOLS - CLUSTER_POOLS
    """Node pools that may be made beside those that are listed."""
    reserved: Mapping[str, int] = {}
    """Nodes by size that are paid for whether they are used or not."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One model's candidates, and its name where nobody else may be on its nodes."""

    candidates: tuple[Candidate, ...]
    owner: str = ""


class Pool(NamedTuple):
    """A pool that candidates may use. Pools that the plan makes are apart by owner; listed ones are one."""

    key: str
    owner: str

    @classmethod
    def of(cls, offer: Offer, pick: Pick) -> "Pool":
        """Where a pick's replicas lie on an offer."""
        return cls(offer.key, "" if offer.pool else pick.owner)


class Broken(NamedTuple):
    """What a choice takes beyond what there is."""

    nodes: int
    """Nodes beyond the bounds of their pools."""
    pools: int
    """Pools beyond those that may be made."""
    vcpus: int
    strangers: int
    """Models on nodes that somebody wanted for themselves."""


@dataclass(frozen=True, slots=True)
class Packing:
    """A candidate for each pick, in their order, with what that makes of each pool at peak."""

    picks: tuple[Pick, ...]
    chosen: tuple[Candidate, ...]
    gap: float = 0.0
    """Part of the price by which the best choice may be cheaper; 0 where this is the best."""

    @property
    def loads(self) -> Mapping[Pool, Counter[int]]:
        """Replicas of each size by pool."""
        found: defaultdict[Pool, Counter[int]] = defaultdict(Counter)
        for pick, candidate in zip(self.picks, self.chosen, strict=True):
            for part in candidate.parts:
                found[Pool.of(part.way.offer, pick)][part_size(part)] += part.bounds.most
        return found

    @property
    def offers(self) -> Mapping[Pool, Offer]:
        """The offer behind each pool that is used."""
        return {
            Pool.of(part.way.offer, pick): part.way.offer
            for pick, candidate in zip(self.picks, self.chosen, strict=True)
            for part in candidate.parts
        }

    @property
    def nodes(self) -> Mapping[Pool, int]:
        """Nodes that each pool needs at peak."""
        offers = self.offers
        return {pool: nodes_needed(load, offers[pool].unit.per_node) for pool, load in self.loads.items()}

    def broken(self, limits: Limits) -> Broken:
        """How far it goes beyond what there is."""
        nodes, offers = self.nodes, self.offers
        beyond = sum(max(0, count - (offers[pool].most_nodes or count)) for pool, count in nodes.items())
        made = sum(offers[pool].pool is None for pool in nodes)
        vcpus = vcpus_by_family((offers[pool], count) for pool, count in nodes.items())
        over = sum(max(0, taken - limits.quota.get(name, taken)) for name, taken in vcpus.items())
        return Broken(beyond, max(0, made - limits.pools), over, self._strangers())

    def usd_per_hour(self, limits: Limits) -> float:
        """What its nodes cost at peak."""
        return usd_per_hour(self.nodes, self.offers, limits)

    def rank(self, limits: Limits) -> tuple[object, ...]:
        """Fewest limits broken, fewest prices that are not sure, least price, smallest, first by name."""
        sizes = [each.size for each in self.chosen]
        return (
            sum(self.broken(limits)),
            sum(each.tier for each in self.chosen),
            round(self.usd_per_hour(limits), 6),
            round(sum(size[0] for size in sizes), 6),
            sum(size[1] for size in sizes),
            tuple(size[2:] for size in sizes),
        )

    def _strangers(self) -> int:
        tenants: defaultdict[Pool, set[int]] = defaultdict(set)
        owned: set[Pool] = set()
        for number, (pick, candidate) in enumerate(zip(self.picks, self.chosen, strict=True)):
            for part in candidate.parts:
                pool = Pool.of(part.way.offer, pick)
                tenants[pool].add(number)
                if pick.owner:
                    owned.add(pool)
        return sum(len(tenants[pool]) - 1 for pool in owned)


def part_size(part: Candidate) -> int:
    """Quarters of units that a replica takes."""
    return part.way.shape.units * part.way.quarters


def vcpus_by_family(taken: Iterable[tuple[Offer, int]]) -> Mapping[str, int]:
    """vCPUs of new nodes by quota family and of the region; nodes that exist have theirs."""
    found: Counter[str] = Counter()
    for offer, nodes in taken:
        for name in offer.quota_families:
            found[name] += nodes * offer.sku.vcpu
    return found


def usd_per_hour(nodes: Mapping[Pool, int], offers: Mapping[Pool, Offer], limits: Limits) -> float:
    """Nodes at list price, at least those that pools keep, and without those that Azure reserves."""
    idle, found = dict(limits.reserved), 0.0
    for pool, count in nodes.items():
        offer = offers[pool]
        paid = max(count, offer.least_nodes)
        if offer.reserved:
            taken = min(paid, idle[offer.sku.name])
            idle[offer.sku.name] -= taken
            paid -= taken
        found += paid * (offer.usd_per_node_hour or 0.0)
    return found


def pack(picks: Sequence[Pick], limits: Limits) -> Packing:
    """The choice that goes least beyond what there is, then costs least at peak, then is smallest."""
    if math.prod(len(pick.candidates) for pick in picks) > ENUMERATED:
        from .solver import solve  # OR-Tools takes over a second to import

        return _smaller(solve(picks, limits))
    tried = (
        Packing(tuple(picks), chosen) for chosen in itertools.product(*(pick.candidates for pick in picks))
    )
    return min(tried, key=lambda packing: packing.rank(limits))


def _smaller(packing: Packing) -> Packing:
    """The packing with smaller candidates wherever no pool needs a node more for it: one pass, in order."""
    chosen = list(packing.chosen)
    loads = {pool: Counter(load) for pool, load in packing.loads.items()}
    for number, pick in enumerate(packing.picks):
        for candidate in sorted(pick.candidates, key=lambda each: each.size):
            if candidate.size >= chosen[number].size:
                break
            changed = moved(loads, pick, chosen[number], candidate)
            offers = {
                Pool.of(part.way.offer, pick): part.way.offer
                for part in (*chosen[number].parts, *candidate.parts)
            }
            if all(
                nodes_needed(changed[pool], offer.unit.per_node)
                <= nodes_needed(loads.get(pool, {}), offer.unit.per_node)
                for pool, offer in offers.items()
            ):
                chosen[number], loads = candidate, changed
                break
    return Packing(packing.picks, tuple(chosen), packing.gap)


def moved(
    loads: Mapping[Pool, Counter[int]], pick: Pick, old: Candidate, new: Candidate
) -> dict[Pool, Counter[int]]:
    """The loads with one candidate in place of another."""
    changed = dict(loads)
    for part, sign in [(part, -1) for part in old.parts] + [(part, 1) for part in new.parts]:
        pool = Pool.of(part.way.offer, pick)
        changed[pool] = Counter(changed.get(pool, {}))
        changed[pool][part_size(part)] += sign * part.bounds.most
    return {pool: +load for pool, load in changed.items()}
