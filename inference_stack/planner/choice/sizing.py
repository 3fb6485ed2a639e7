"""How much one replica can take on, and how many replicas that makes."""

import math
from dataclasses import dataclass, replace
from typing import cast

from inference_stack.planner.dealing import experts_apart
from inference_stack.planner.engine_arguments import engine
from inference_stack.planner.memory.activation import GIB
from inference_stack.planner.memory.budget import Memory, memory
from inference_stack.planner.memory.kv_cache import max_concurrency
from inference_stack.planner.memory.weights import weights_bytes
from inference_stack.planner.plan import Bottleneck
from inference_stack.planner.replica import Replica
from inference_stack.planner.speed import Load, Range, Speed, speed
from inference_stack.spec import Slo

from .candidate import Bounds, Candidate, Miss, Way
from .demand import Asked, Demand

HEADROOM = 0.8
"""Part of what a replica can take on that it is given at peak: Ray starts the next replica beyond it, and
requests come in bursts."""

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024)
"""Concurrencies that are tried."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One replica on a way, and the most that it can take on."""

    replica: Replica
    memory: Memory
    concurrency: int
    speed: Speed | None
    """None without traffic, as are the rate and the bottleneck."""
    requests_per_second: float
    bottleneck: Bottleneck | None


def capable(demand: Demand, way: Way) -> Capability | Miss:
    """The most that one replica can take on this way, or what forbids it: whatever the rate of requests."""
    at_once = demand.most_concurrent
    alone = replica(demand, way, 1)
    if miss := _too_heavy(way, alone):
        return miss
    if miss := holds(demand, way, memory(alone)):
        return miss
    traffic = demand.traffic
    if traffic is None:
        return _given(demand, way)
    quick = _quick_enough(demand, way, at_once)
    if isinstance(quick, Miss):
        return quick
    return _bounded(demand, way, traffic, quick)


def size(demand: Demand, way: Way, one: Capability) -> Candidate | Miss:
    """As many replicas as the traffic needs, or why that is too many. Without traffic, what the user says."""
    asked, traffic, rate = demand.model.replicas, demand.traffic, one.requests_per_second
    if traffic is None:
        bounds = Bounds(asked.min, asked.max, asked.max) if asked else Bounds(0, 1, 1)
    else:
        most = math.ceil(traffic.peak / (HEADROOM * rate))
        expected = math.ceil(traffic.requests_per_second / (HEADROOM * rate))
        if asked and asked.max < most:
            what = f"takes {most} replicas of {rate:.2g} requests a second each, and {asked.max} are allowed"
            return Miss(way, "replicas", what, most / asked.max)
        bounds = (
            Bounds(asked.min, max(expected, asked.min), asked.max) if asked else Bounds(0, expected, most)
        )
    return Candidate(way, one.replica, one.memory, one.concurrency, one.speed, rate, one.bottleneck, bounds)


def replica(demand: Demand, way: Way, concurrency: int) -> Replica:
    """What would run, with so many requests at work."""
    model, width = demand.model, way.shape.tensor_parallel
    silicon = way.offer.linked(width)
    if way.quarters < 4:
        share = way.quarters / 4
        silicon = replace(
            silicon,
            bandwidth_tb_s=silicon.bandwidth_tb_s * share,
            bf16_tflops=silicon.bf16_tflops * share,
            fp8_tflops=silicon.fp8_tflops and silicon.fp8_tflops * share,
            fp4_tflops=silicon.fp4_tflops and silicon.fp4_tflops * share,
            share=share,
        )
    apart = experts_apart(way.row.architecture, way.row.layout, width)
    return Replica(
        model=way.row.architecture,
        layout=way.row.layout,
        silicon=silicon,
        engine=engine(model, silicon, concurrency, share=way.quarters / 4, experts_apart=apart),
        tensor_parallel=width,
        pipeline_parallel=way.shape.pipeline_parallel,
    )


def _too_heavy(way: Way, alone: Replica) -> Miss | None:
    """Why the weights alone forbid it, if they do: found without the whole budget."""
    weights = weights_bytes(alone) / GIB
    usable = alone.silicon.memory_gib * alone.engine.gpu_memory_utilization
    if weights < usable:
        return None
    what = f"has {weights:.1f} GiB of weights for a unit, which can use {usable:.1f}"
    return Miss(way, "memory", what, weights / usable)


def holds(demand: Demand, way: Way, held: Memory) -> Miss | None:
    """Why the longest request does not find room, if it does not."""
    context = demand.model.context_tokens
    if held.fits:
        return None
    usable, fixed = held.requested_gib, held.requested_gib - held.kv_gib
    if held.kv_gib <= 0:
        what = (
            f"needs {fixed:.1f} GiB a unit before its KV cache, {held.weights_gib:.1f} of them weights; "
            f"{usable:.1f} can be used"
        )
        return Miss(way, "memory", what, fixed / usable)
    what = f"leaves {held.kv_gib:.1f} GiB for the KV cache, {held.kv_tokens} tokens of {context}"
    return Miss(way, "context", what, context / max(1, held.kv_tokens))


def _given(demand: Demand, way: Way) -> Capability | Miss:
    """Without traffic: what the user says, as far as the memory goes."""
    running = replica(demand, way, demand.most_concurrent)
    held = memory(running)
    if miss := holds(demand, way, held):
        return miss
    return Capability(running, held, demand.most_concurrent, None, 0.0, None)


@dataclass(frozen=True, slots=True)
class _Pace:
    """A concurrency that meets the SLO, and what sets it."""

    concurrency: int
    speed: Speed
    limited: bool
    """Whether a larger one would miss the SLO."""


def _quick_enough(demand: Demand, way: Way, most: int) -> _Pace | Miss:
    """The largest concurrency up to `most` that meets the SLO."""
    steps = [step for step in STEPS if step < most] + [most]
    # One engine for all steps: what it leaves room for caps each of them.
    running = replica(demand, way, most)
    slo = demand.slo
    if slo is None:
        return _Pace(most, pace(demand, running, most), limited=False)
    best = pace(demand, running, 1)
    if miss := misses(way, slo, best):
        return miss
    good, bad = 0, len(steps)
    while bad - good > 1:
        middle = (good + bad) // 2
        tried = pace(demand, running, steps[middle])
        if misses(way, slo, tried):
            bad = middle
        else:
            good, best = middle, tried
    return _Pace(steps[good], best, limited=bad < len(steps))


def misses(way: Way, slo: Slo, found: Speed) -> Miss | None:
    """Why a speed is too slow, if it is: judged by the median, since the SLO is about the median request."""
    for limit, figure, allowed in (
        ("ttft", found.ttft_ms.value, slo.ttft_ms),
        ("tpot", found.tpot_ms.value, slo.tpot_ms),
    ):
        if figure > allowed:
            what = f"has a {limit.upper()} of {figure:.0f} ms for one request alone; {allowed:g} are allowed"
            return Miss(way, limit, what, figure / allowed)
    return None


def pace(demand: Demand, running: Replica, concurrency: int) -> Speed:
    """How fast a replica answers under its traffic.

    A prefix that earlier requests had is in the cache: it is not read again, but each token looks back on it.
    Where other replicas read the prompts, this one writes answers alone, so long that a mean token looks back
    as far as it would.
    """
    traffic = demand.traffic
    if traffic is None:
        raise AssertionError("a model without traffic has no pace")
    if demand.model.disaggregated:
        return speed(running, Load(concurrency, 1, 2 * traffic.prompt_tokens + traffic.output_tokens))
    whole = Load(concurrency, traffic.prompt_tokens, traffic.output_tokens)
    return _behind_a_prefix(running, whole, traffic) if traffic.shared_prefix else speed(running, whole)


def _behind_a_prefix(running: Replica, whole: Load, traffic: Asked) -> Speed:
    """The speed of prompts of which only the rest is read, whose tokens look back on all of it."""
    fresh = max(1, round(traffic.prompt_tokens * (1 - traffic.shared_prefix)))
    read = speed(running, replace(whole, prompt_tokens=fresh))
    longer, shorter = (
        speed(running, Load(whole.concurrency, 1, 2 * tokens + traffic.output_tokens)).tpot_ms.value
        for tokens in (traffic.prompt_tokens, fresh)
    )
    slower = 1 + (longer - shorter) / read.tpot_ms.value
    return replace(
        read, tpot_ms=_times(read.tpot_ms, slower), output_tok_s=_times(read.output_tok_s, 1 / slower)
    )


def _times(figure: Range, factor: float) -> Range:
    return Range(figure.value * factor, figure.low * factor, figure.high * factor)


def _bounded(demand: Demand, way: Way, traffic: Asked, quick: _Pace) -> Capability | Miss:
    """What meets the SLO, as far as the memory goes."""
    running = replica(demand, way, quick.concurrency)
    held = memory(running)
    room = room_for(running, held, traffic)
    concurrency, found = quick.concurrency, quick.speed
    bottleneck: Bottleneck = cast("Bottleneck", found.bottleneck)
    if room < concurrency:
        concurrency, bottleneck = room, "memory"
        if room:
            running = replica(demand, way, room)
            held, found = memory(running), pace(demand, running, room)
    if miss := holds(demand, way, held):
        return miss
    rate = completed_per_second(found, traffic, concurrency) if concurrency else 0.0
    if not rate:
        return Miss(way, "context", "has no room for a mean request beside the longest", 2.0)
    return Capability(running, held, concurrency, found, rate, bottleneck)


def room_for(running: Replica, held: Memory, traffic: Asked) -> int:
    """Mean requests that the KV cache holds at once; the part of a prompt that all share is held once."""
    shared = int(traffic.prompt_tokens * traffic.shared_prefix)
    each = traffic.prompt_tokens - shared + traffic.output_tokens
    left = max(0.0, held.kv_gib) * GIB * max(0.0, 1 - shared / max(1, held.kv_tokens))
    engine = replace(running.engine, max_model_len=min(each, running.engine.max_model_len))
    return int(max_concurrency(replace(running, engine=engine), int(left)))


def completed_per_second(found: Speed, traffic: Asked, concurrency: int) -> float:
    """Little's law: requests at work over the time that one takes."""
    seconds = (found.ttft_ms.value + found.tpot_ms.value * (traffic.output_tokens - 1)) / 1000
    return concurrency / seconds
