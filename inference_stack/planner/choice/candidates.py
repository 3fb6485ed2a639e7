"""All ways to run a model, the cheap ones first, until none that is left can be cheaper."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inference_stack.planner.dealing import divides
from inference_stack.planner.plan import Rejected
from inference_stack.spec import Isolation

from .candidate import Candidate, Miss, Way
from .demand import Demand
from .disaggregated import disaggregate
from .offer import UNPRICED, UNVERIFIED, VERIFIED, Barred, Offer
from .packing import part_size
from .shape import Shape, shapes
from .sizing import Capability, capable, size

KEPT = 8
"""Candidates of a model that the packing chooses among: the cheapest by share of nodes, and as many by whole
nodes. Others could win only on room that is left over on nodes of others."""

REPORTED = 6
"""Reasons that a plan tells for what it did not take."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of looking for a model's place."""

    candidates: tuple[Candidate, ...]
    """Cheapest first."""
    misses: tuple[Miss, ...]
    dearer: tuple[Way, ...]
    """Ways that were not sized, since one replica costs more than all that was found; cheapest first."""


class Search:
    """Looks for places, once for models that ask the same."""

    def __init__(self, offers: Sequence[Offer], *, fractions: bool = False, prune: bool = True) -> None:
        """`fractions`: whether models may share a whole GPU; `prune`: whether dear ways are left out."""
        self._offers = sorted(offers, key=lambda offer: (offer.tier, offer.usd_per_unit_hour, offer.key))
        self._fractions = fractions
        self._prune = prune
        self._known: dict[str, Found] = {}
        self._capable: dict[tuple[str, str, int, Shape, int], Capability | Miss] = {}

    def find(self, demand: Demand) -> Found:
        """The ways to serve a model, and what forbids the others."""
        question = demand.question
        if question not in self._known:
            self._known[question] = self._look(demand)
        return self._known[question]

    def _look(self, demand: Demand) -> Found:
        sized: list[Candidate] = []
        misses: list[Miss] = []
        ways, work = sorted(self._ways(demand), key=_cheapest_first), demand.work
        for number, way in enumerate(ways):
            if self._prune and _cannot_win(way, sized):
                return Found(_kept(sized), tuple(misses), tuple(ways[number:]))
            found = self._size(demand, work, way)
            if isinstance(found, Candidate) and demand.model.disaggregated:
                found = disaggregate(demand, found, self._offers)
            if isinstance(found, Miss):
                misses.append(found)
            else:
                sized.append(found)
        return Found(_kept(sized) if self._prune else tuple(_undominated(_ranked(sized))), tuple(misses), ())

    def _size(self, demand: Demand, work: str, way: Way) -> Candidate | Miss:
        """The way sized; what one replica can do is worked out once for all models that do the same work."""
        question = work, way.row.id, id(way.offer), way.shape, way.quarters
        if question not in self._capable:
            self._capable[question] = capable(demand, way)
        one = self._capable[question]
        return one if isinstance(one, Miss) else size(demand, way, one)

    def _ways(self, demand: Demand) -> Iterator[Way]:
        pinned = demand.pinned
        for offer in self._offers:
            if pinned and offer.key != pinned.pool:
                continue
            for row in demand.variants:
                if pinned:
                    yield Way(row, offer, Shape(pinned.gpus, pinned.pipeline))
                    continue
                for shape in shapes(offer, row.architecture, row.layout):
                    yield Way(row, offer, shape)
                if self._fractions and not offer.unit.profile and demand.model.isolation is Isolation.SHARED:
                    for quarters in (1, 2, 3):
                        yield Way(row, offer, Shape(1), quarters)


def possible_widths(demand: Demand, offer: Offer) -> list[int]:
    """Over how many units a pinned replica may be dealt out."""
    if offer.unit.profile:
        return [1]
    widths = range(1, offer.unit.per_node + 1)
    return [
        width
        for width in widths
        if any(divides(row.architecture, row.layout, width) for row in demand.variants)
    ]


def _cheapest_first(way: Way) -> tuple[bool, int, float, float, str]:
    """What is paid for anyway comes before what may not even be looked at."""
    return not way.offer.reserved, way.offer.tier, way.usd_per_replica_hour, way.gpu_memory_gib, str(way)


def _cannot_win(way: Way, sized: Sequence[Candidate]) -> bool:
    """Whether even one replica costs more than enough of what was found, by its share and by whole nodes."""
    if way.offer.reserved:
        return False
    known = [each for each in sized if each.tier <= way.offer.tier and not _reserved(each)]
    if way.offer.tier == UNPRICED or (known and known[0].tier < way.offer.tier):
        return bool(known)
    shares = sorted(each.usd_per_hour for each in known)
    alone = sorted(each.usd_per_hour_alone for each in known)
    count = KEPT // 2
    return (
        len(known) >= count
        and way.usd_per_replica_hour > shares[count - 1]
        and (way.offer.usd_per_node_hour or 0.0) > alone[count - 1]
    )


def _reserved(candidate: Candidate) -> bool:
    return any(part.way.offer.reserved for part in candidate.parts)


def _ranked(sized: Iterable[Candidate]) -> list[Candidate]:
    return sorted(sized, key=lambda each: (each.tier, each.usd_per_hour, each.size))


def _kept(sized: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The cheapest of the best tier, by their share of nodes and by whole nodes."""
    best = min((each.tier for each in sized), default=0)
    ranked = _undominated(_ranked(each for each in sized if each.tier == best))
    alone = sorted(ranked, key=lambda each: (each.usd_per_hour_alone, each.size))
    chosen = {id(each) for each in (*ranked[:KEPT], *alone[:KEPT], *filter(_reserved, ranked))}
    return tuple(each for each in ranked if id(each) in chosen)


def _undominated(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Without those that fill the same pools with more, or with as much of what is not as good."""
    found: dict[tuple[tuple[str, int], ...], Candidate] = {}
    for each in sorted(ranked, key=lambda each: (sum(part.bounds.most for part in each.parts), each.size)):
        found.setdefault(tuple((part.way.offer.key, part_size(part)) for part in each.parts), each)
    kept = {id(each) for each in found.values()}
    return [each for each in ranked if id(each) in kept]


def rejected(found: Found, barred: Sequence[Barred]) -> tuple[Rejected, ...]:
    """What was not taken, by the limit that forbade it, with the one that came nearest."""
    by_limit: defaultdict[str, list[Miss]] = defaultdict(list)
    for miss in found.misses:
        by_limit[miss.limit].append(miss)
    told = [_reject(limit, misses) for limit, misses in by_limit.items()]
    told += _dearer(found)
    bars: defaultdict[tuple[str, str], list[Barred]] = defaultdict(list)
    for each in barred:
        bars[each.limit, each.what].append(each)
    for (limit, what), those in bars.items():
        sizes = ", ".join(each.sku.name for each in those)
        told.append(Rejected(limit=limit, best=sizes, what=what, count=len(those)))
    return tuple(sorted(told, key=lambda each: -each.count)[:REPORTED])


def _dearer(found: Found) -> Iterator[Rejected]:
    """What was not even sized, by how much is known of its price."""
    if not found.dearer:
        return
    chosen = found.candidates[0]
    reasons = {
        UNPRICED: "has no known price, and there are places with one",
        UNVERIFIED: "has a price that nobody confirmed, and there are places with one",
    }
    for tier in (VERIFIED, UNVERIFIED, UNPRICED):
        those = [way for way in found.dearer if way.offer.tier == tier]
        if those:
            alone = those[0].usd_per_replica_hour
            dear = (
                f"costs {alone:.2f} USD an hour for one replica; others cost {chosen.usd_per_hour:.2f} in all"
            )
            what = dear if tier == chosen.tier else reasons[tier]
            yield Rejected(limit="price", best=str(those[0]), what=what, count=len(those))


def nearest(misses: Iterable[Miss]) -> Miss:
    """The one that misses by least."""
    return min(misses, key=lambda miss: (miss.factor, str(miss.way)))


def _reject(limit: str, misses: Sequence[Miss]) -> Rejected:
    best = nearest(misses)
    return Rejected(limit=limit, best=str(best.way), what=best.what, count=len(misses))
