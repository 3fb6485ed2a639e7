"""What a model would run on if its place were not there."""

from collections.abc import Mapping

from inference_stack.planner.plan import RunnerUp

from .candidate import Candidate
from .nodes import nodes_needed
from .offer import Offer
from .packing import Packing, Pool, moved


def runner_up(packing: Packing, number: int) -> RunnerUp | None:
    """The candidate with which all nodes would cost least if this model could not have what it has.

    None where there is no other way. The other models stay where they are.
    """
    pick, chosen = packing.picks[number], packing.chosen[number]
    loads = packing.loads

    def within(candidate: Candidate) -> bool:
        changed = moved(loads, pick, chosen, candidate)
        bounded = [part.way.offer for part in candidate.parts if part.way.offer.most_nodes is not None]
        return all(
            nodes_needed(changed[Pool.of(offer, pick)], offer.unit.per_node) <= (offer.most_nodes or 0)
            for offer in bounded
        )

    others = [each for each in pick.candidates if each.way != chosen.way and within(each)]
    if not others:
        return None

    def more(candidate: Candidate) -> float:
        changed = moved(loads, pick, chosen, candidate)
        touched = {
            Pool.of(part.way.offer, pick): part.way.offer for part in (*chosen.parts, *candidate.parts)
        }
        return sum(
            _usd(changed[pool], offer) - _usd(loads.get(pool, {}), offer) for pool, offer in touched.items()
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
    nodes = nodes_needed(load, offer.unit.per_node)
    return max(nodes, offer.least_nodes) * (offer.usd_per_node_hour or 0.0)
