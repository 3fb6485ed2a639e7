"""Prompts read on some replicas, answers written on others: both sized, and the link between them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from inference_stack.planner.memory.budget import memory
from inference_stack.planner.plan import Link
from inference_stack.planner.speed import Load, Speed, speed

from .candidate import Bounds, Candidate, Miss, Way
from .demand import Asked, Demand
from .offer import Offer
from .shape import shapes
from .sizing import HEADROOM, STEPS, holds, replica

GB_PER_GIB = 2**30 / 1e9
BITS = 8
PATH = "Ethernet"
"""Over which the KV cache goes: InfiniBand needs drivers and a plugin that this stack does not install."""
MOST_READ = 16
"""Prompts that one replica reads at once at most: reading is bound by arithmetic, and more only wait."""


def disaggregate(demand: Demand, writing: Candidate, offers: Sequence[Offer]) -> Candidate | Miss:
    """The candidate with the cheapest replicas beside it that read prompts in time."""
    traffic = demand.traffic
    if traffic is None:
        raise AssertionError("the spec lets no model be disaggregated without traffic")
    per_token = writing.memory.kv_gib / max(1, writing.memory.kv_tokens) * writing.way.shape.units
    gib = per_token * traffic.prompt_tokens
    sized = [_reading(demand, way, traffic, writing, gib) for way in _ways(writing.way, offers)]
    found = [each for each in sized if isinstance(each, Candidate)]
    if not found:
        misses = [each for each in sized if isinstance(each, Miss)]
        return min(misses, key=lambda miss: (miss.factor, str(miss.way)))
    best = min(found, key=lambda each: (each.tier, each.usd_per_hour, each.size))
    return replace(writing, prefill=best, link=best.link)


def _ways(writing: Way, offers: Sequence[Offer]) -> Iterator[Way]:
    """Ways to read: the same checkpoint, since both sides share its KV cache, in the same service."""
    for offer in offers:
        if (offer.unit.profile, offer.cluster) == (writing.offer.unit.profile, writing.offer.cluster):
            for shape in shapes(offer, writing.row.architecture, writing.row.layout):
                yield Way(writing.row, offer, shape)


def _reading(demand: Demand, way: Way, traffic: Asked, writing: Candidate, gib: float) -> Candidate | Miss:
    held = memory(replica(demand, way, 1))
    if miss := holds(demand, way, held):
        return miss
    carried = _carried(way, writing.way)
    transfer_ms = 1000 * gib * GB_PER_GIB / carried if carried else None
    slo = demand.slo
    # The token that the client sees first is written by the other side.
    written_ms = writing.speed.tpot_ms.value if writing.speed else 0.0
    left = slo.ttft_ms - (transfer_ms or 0.0) - written_ms if slo else math.inf
    read = [(step, _read(demand, way, traffic, step)) for step in STEPS if step <= MOST_READ]
    quick = [(step, found) for step, found in read if found.ttft_ms.value <= left]
    if not quick:
        alone = read[0][1].ttft_ms.value
        what = f"reads a prompt in {alone:.0f} ms, and sends its KV cache in {transfer_ms or 0.0:.0f}"
        return Miss(way, "link" if left <= 0 else "ttft", what, alone / max(1.0, left))
    concurrency, found = max(quick, key=lambda each: each[0] / each[1].ttft_ms.value)
    arriving, taken_in = traffic.peak * gib * GB_PER_GIB, _card_gb_s(writing.way)
    if taken_in and arriving > taken_in * writing.bounds.most:
        share = f"{writing.bounds.most} × {taken_in:.1f}"
        what = f"sends {arriving:.1f} GB/s at peak, and {PATH} of those that answer carries {share}"
        return Miss(way, "link", what, arriving / (taken_in * writing.bounds.most))
    reading = concurrency / (found.ttft_ms.value / 1000)
    sending = carried / (gib * GB_PER_GIB) if carried else math.inf
    rate = min(reading, sending)
    most = math.ceil(traffic.peak / (HEADROOM * rate))
    running = replica(demand, way, concurrency)
    return Candidate(
        way=way,
        replica=running,
        memory=memory(running),
        concurrency=concurrency,
        speed=found,
        requests_per_second=rate,
        bottleneck="prefill compute" if reading <= sending else "interconnect",
        bounds=Bounds(0, math.ceil(traffic.requests_per_second / (HEADROOM * rate)), most),
        link=Link(
            gib_per_request=gib,
            needed_gb_s=arriving / most,
            available_gb_s=carried,
            path=PATH,
            transfer_ms=transfer_ms,
        ),
    )


def _read(demand: Demand, way: Way, traffic: Asked, concurrency: int) -> Speed:
    """How soon prompts are read, what they share with earlier ones left out."""
    fresh = max(1, round(traffic.prompt_tokens * (1 - traffic.shared_prefix)))
    return speed(replica(demand, way, concurrency), Load(concurrency, fresh, 1))


def _carried(reading: Way, writing: Way) -> float | None:
    """What the slower end of a replica's link carries, GB/s; None if unknown.

    The replicas may lie on different nodes, so NVLink inside of one is not counted on.
    """
    cards = [_card_gb_s(way) for way in (reading, writing)]
    return None if None in cards else min(each or 0.0 for each in cards)


def _card_gb_s(way: Way) -> float | None:
    """A replica's share of the network card of its node, GB/s."""
    card = way.offer.sku.nic_gbit_s
    return card and card / BITS * way.shape.units / way.offer.unit.per_node
