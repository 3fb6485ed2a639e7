"""What a model would run on if its place were not there."""

from collections.abc import Mapping

from inference_stack.planner.plan import RunnerUp

from .candidate import Candidate
from .nodes import nodes_needed
from .offer import Offer
from .packing import Limits, Packing, Pool, moved, usd_per_hour


def runner_up(packing: Packing, number: int, limits: Limits) -> RunnerUp | None:
    """The candidate with which all nodes would cost least if this model could not have what it has.

    None where there is no other way. The other models stay where they are.
    """
    pick, chosen = packing.picks[number], packing.chosen[number]
    loads, offers = packing.loads, packing.offers
    shared = {pool for pool, offer in offers.items() if offer.reserved}

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
        mine = {Pool.of(part.way.offer, pick): part.way.offer for part in (*chosen.parts, *candidate.parts)}
        # What it gives back of reserved nodes, others may take, and nobody saves.
        touched = mine | {pool: offers[pool] for pool in shared}
        return _usd(changed, touched, limits) - _usd(loads, touched, limits)

    best = min(others, key=lambda each: (round(more(each), 6), each.usd_per_hour, each.size))
    offer = best.way.offer
    return RunnerUp(
        what=f"{best.bounds.most} × {best.way}",
        sku=offer.sku.name,
        usd_per_hour=None if offer.usd_per_node_hour is None else best.usd_per_hour,
        more_usd_per_hour=None if offer.usd_per_node_hour is None else round(more(best), 4),
    )


def _usd(loads: Mapping[Pool, Mapping[int, int]], offers: Mapping[Pool, Offer], limits: Limits) -> float:
    nodes = {pool: nodes_needed(loads.get(pool, {}), offer.unit.per_node) for pool, offer in offers.items()}
    return usd_per_hour(nodes, offers, limits)
