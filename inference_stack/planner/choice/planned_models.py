"""The models of a plan, from the choice."""

from inference_stack.catalog import Catalog, OwnRow
from inference_stack.planner.engine_arguments import engine_arguments
from inference_stack.planner.plan import (
    PlannedModel,
    PlannedPrefill,
    PlannedTraffic,
    PredictedSpeed,
    Range,
)
from inference_stack.planner.speed import Range as SpeedRange
from inference_stack.planner.speed import Speed
from inference_stack.planner.worker import worker_size

from .candidate import Candidate
from .candidates import rejected
from .choose import Choice, Placed
from .demand import Asked, Demand, precision
from .memory_plan import budget
from .packing import Pick, Pool
from .planned_pools import pool_name
from .runner_up import runner_up
from .sizing import completed_per_second, pace


def planned_models(choice: Choice, catalog: Catalog) -> tuple[PlannedModel, ...]:
    """Every placed model, in the order of the environment."""
    return tuple(
        _planned(choice, number, placed, pick, catalog)
        for number, (placed, pick) in enumerate(zip(choice.placed, choice.packing.picks, strict=True))
    )


def _planned(choice: Choice, number: int, placed: Placed, pick: Pick, catalog: Catalog) -> PlannedModel:
    demand, candidate = placed.demand, placed.candidate
    model, way = demand.model, candidate.way
    offer, shape = way.offer, way.shape
    barred = () if demand.pinned else choice.barred
    return PlannedModel(
        name=model.name,
        source=model.source,
        checkpoint=way.row.id,
        weights=way.row.weights if isinstance(way.row, OwnRow) else None,
        precision=precision(way.row),
        workload=model.workload,
        licence=way.row.licence,
        pool=pool_name(Pool.of(offer, pick)),
        units=shape.units,
        tensor_parallel=shape.tensor_parallel,
        pipeline_parallel=shape.pipeline_parallel,
        share=way.quarters / 4,
        isolation=model.isolation,
        traffic=demand.traffic and _traffic(demand.traffic),
        slo=demand.slo,
        replicas_min=candidate.bounds.least,
        replicas_expected=candidate.bounds.expected,
        replicas_max=candidate.bounds.most,
        context_tokens=model.context_tokens,
        concurrency=candidate.concurrency,
        full_context_requests=int(candidate.memory.max_concurrency),
        adapters=tuple(adapter.name for adapter in model.adapters),
        engine=engine_arguments(model, candidate.replica),
        memory=budget(candidate.memory),
        speed=_speed(demand, candidate, candidate.speed),
        bottleneck=candidate.bottleneck,
        usd_per_hour=None if offer.usd_per_node_hour is None else candidate.usd_per_hour,
        rejected=rejected(placed.found, barred),
        runner_up=runner_up(choice.packing, number, choice.limits),
        prefill=_prefill(placed, pick, catalog),
        worker=worker_size(offer.sku, offer.unit.per_node, shape.units, catalog),
        routing=model.routing,
    )


def _prefill(placed: Placed, pick: Pick, catalog: Catalog) -> PlannedPrefill | None:
    reading, link = placed.candidate.prefill, placed.candidate.link
    if reading is None or reading.speed is None or link is None:
        return None
    way = reading.way
    return PlannedPrefill(
        pool=pool_name(Pool.of(way.offer, pick)),
        units=way.shape.units,
        tensor_parallel=way.shape.tensor_parallel,
        pipeline_parallel=way.shape.pipeline_parallel,
        replicas_min=reading.bounds.least,
        replicas_max=reading.bounds.most,
        concurrency=reading.concurrency,
        engine=engine_arguments(placed.demand.model, reading.replica),
        memory=budget(reading.memory),
        ttft_ms=_range(reading.speed.ttft_ms),
        worker=worker_size(way.offer.sku, way.offer.unit.per_node, way.shape.units, catalog),
        link=link,
    )


def _speed(demand: Demand, candidate: Candidate, found: Speed | None) -> PredictedSpeed | None:
    traffic = demand.traffic
    if found is None or traffic is None:
        return None
    alone = pace(demand, candidate.replica, 1)
    return PredictedSpeed(
        concurrency=candidate.concurrency,
        prompt_tokens=traffic.prompt_tokens,
        output_tokens=traffic.output_tokens,
        ttft_ms=_first_token(candidate, found),
        tpot_ms=_range(found.tpot_ms),
        output_tok_s=_range(found.output_tok_s),
        requests_per_second=candidate.requests_per_second,
        requests_per_second_alone=completed_per_second(alone, traffic, 1),
        calibration=found.calibration,
    )


def _first_token(candidate: Candidate, found: Speed) -> Range:
    """Until the first token. Where others read: they do, the cache travels, and then a token is written."""
    reading, link = candidate.prefill, candidate.link
    if reading is None or reading.speed is None or link is None:
        return _range(found.ttft_ms)
    read, written, travels = reading.speed.ttft_ms, found.tpot_ms, link.transfer_ms or 0.0
    return Range(
        value=read.value + travels + written.value,
        low=read.low + travels + written.low,
        high=read.high + travels + written.high,
    )


def _traffic(asked: Asked) -> PlannedTraffic:
    return PlannedTraffic(
        requests_per_second=asked.requests_per_second,
        peak_requests_per_second=asked.peak,
        prompt_tokens=asked.prompt_tokens,
        output_tokens=asked.output_tokens,
        shared_prefix=asked.shared_prefix,
    )


def _range(figure: SpeedRange) -> Range:
    return Range(value=figure.value, low=figure.low, high=figure.high)
