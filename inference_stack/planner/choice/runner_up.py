"""What a model would run on if its place were not there."""

from collections import Counter
from collections.abc import Mapping

from inference_stack.planner.plan import RunnerUp

from .candidate import Candidate
from .nodes import nodes_needed
from .offer import Offer
from .packing import Packing, Pool, part_size


def runner_up(packing: Packing, number: int) -> RunnerUp | None:
    """The candidate with which all nodes would cost least if this model could not have what it has.

    None where there is no other way. The other models stay where they are.
    """
    pick, chosen = packing.picks[number], packing.chosen[number]
    others = [each for each in pick.candidates if each.way != chosen.way]
    if not others:
        return None
    loads, offers = packing.loads, packing.offers

    def more(candidate: Candidate) -> float:
        changed = {pool: Counter(load) for pool, load in loads.items()}
        known = dict(offers)
        for part, sign in [(part, -1) for part in chosen.parts] + [(part, 1) for part in candidate.parts]:
            pool = Pool.of(part.way.offer, pick)
            known[pool] = part.way.offer
            changed.setdefault(pool, Counter())[part_size(part)] += sign * part.bounds.most
        touched = {Pool.of(part.way.offer, pick) for part in (*chosen.parts, *candidate.parts)}
        return sum(
            _usd(changed[pool], known[pool]) - _usd(loads.get(pool, {}), known[pool]) for pool in touched
        )

    best = min(others, key=lambda each: (round(more(each), 6), each.usd_per_hour, each.size))
    offer = best.way.offer
    return RunnerUp(
        what=f"{best.bounds.most} × {best.way}",
        sku=offer.sku.name,
        usd_per_hour=None if offer.usd_per_node_hour is None else best.usd_per_hour,
        more_usd_per_hour=None if offer.usd_per_node_hour is None else round(more(best), 4),
    )


def _usd(load: Mapping[int, int], offer: Offer) -> float:
    nodes = nodes_needed(+Counter(load), offer.unit.per_node)
    return max(nodes, offer.least_nodes) * (offer.usd_per_node_hour or 0.0)
