"""What each model costs by hour and by token, how busy what is paid for is, and what adapters save."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from inference_stack.spec import Finding, Severity

from .bill import AdapterSaving, Fleet, ModelCost, Range, TokenPrice
from .choice.nodes import QUARTERS, nodes_needed
from .occupancy import Held, Part, at_mean_traffic, held, nodes_filled
from .plan import PlannedModel, PlannedPool, PlannedTraffic

HALF = 0.5
"""Utilization below which a GPU costs twice what the same work costs on one that is busy."""

FULL_ENOUGH = 0.8
"""Part of a node's units in use from which on the empty ones are no matter."""

PER_MILLION = 1e6


class Occupied(NamedTuple):
    """What a model has of the pools at one load."""

    usd_per_hour: float | None
    """Marginal: nodes that exist already are free."""
    list_usd_per_hour: float | None
    prefill_usd_per_hour: float | None
    """Of the list price, the replicas that only read prompts; 0 where none do."""
    filled: float
    """Part of the units of its nodes that replicas take."""


def expected_nodes(pools: Sequence[PlannedPool], models: Sequence[PlannedModel]) -> Mapping[str, int]:
    """Nodes of each pool that the mean traffic fills."""
    fewer = at_mean_traffic(models)
    return {pool.name: nodes_filled(pool, fewer) for pool in pools}


def model_costs(
    pools: Sequence[PlannedPool], models: Sequence[PlannedModel], read_s: Mapping[str, float]
) -> Mapping[str, ModelCost]:
    """What each model costs, by name.

    `read_s` is how long one replica takes to read a mean prompt while it does nothing else, seconds, for the
    models that have traffic; what earlier requests left in the prefix cache is not read again.
    """
    fewer = at_mean_traffic(models)
    expected = {pool.name: held(pool, fewer) for pool in pools}
    peak = {pool.name: held(pool, models) for pool in pools}
    by_name = {pool.name: pool for pool in pools}
    return {
        model.name: _model_cost(
            model,
            by_name,
            _occupied(model, by_name, expected),
            _occupied(model, by_name, peak),
            read_s.get(model.name),
        )
        for model in models
    }


def utilization_findings(model: PlannedModel, pool: PlannedPool) -> Iterator[Finding]:
    """Whether more than half of what is paid for stands idle at the mean traffic; paths from the model."""
    cost, traffic, speed = model.cost, model.traffic, model.speed
    if cost is None or cost.utilization_expected is None or traffic is None or speed is None:
        return
    busy = cost.utilization_expected
    if busy.value >= HALF:
        return
    capacity = speed.requests_per_second * model.replicas_expected
    yield Finding(
        code="gpus-underused",
        severity=Severity.WARNING,
        path="traffic.requests_per_second",
        given=f"{traffic.requests_per_second:g}",
        what=(
            f"keeps {busy.value:.0%} ({busy.low:.0%} to {busy.high:.0%}) of what is paid for at work: "
            f"{model.replicas_expected} × {speed.requests_per_second:.3g} = {capacity:.3g} requests a second "
            f"within the SLO; below half, each token costs double"
        ),
        remedy="; ".join(_ways_up(model, pool, traffic, speed.requests_per_second)),
    )


def adapter_saving(model: PlannedModel, pool: PlannedPool) -> AdapterSaving | None:
    """One base with its adapters, against a deployment for each; None with fewer than two adapters.

    Each separate deployment has an equal share of the load, rounded up to whole replicas, and the same
    minimum. USD are those of the units that replicas take, because others may use the rest of a node.
    """
    count = len(model.adapters)
    if count < 2:
        return None
    fleets = {
        load: (_fleet(1, replicas, model, pool), _fleet(count, replicas, model, pool))
        for load, replicas in (("expected", model.replicas_expected), ("peak", model.replicas_max))
    }
    return AdapterSaving(
        deployments=count,
        together_expected=fleets["expected"][0],
        apart_expected=fleets["expected"][1],
        together_peak=fleets["peak"][0],
        apart_peak=fleets["peak"][1],
        ratio_expected=_ratio(*fleets["expected"]),
        ratio_peak=_ratio(*fleets["peak"]),
    )


def _model_cost(
    model: PlannedModel,
    pools: Mapping[str, PlannedPool],
    expected: Occupied,
    peak: Occupied,
    read_s: float | None,
) -> ModelCost:
    share, traffic = _input_share(model, expected, read_s), model.traffic
    return ModelCost(
        usd_per_hour=expected.usd_per_hour,
        list_usd_per_hour=expected.list_usd_per_hour,
        input_share=share,
        at_traffic=_at_traffic(model, expected, share),
        at_full=_at_full(model, pools, share),
        utilization_expected=_utilization(
            model, expected, traffic.requests_per_second, model.replicas_expected
        )
        if traffic
        else None,
        utilization_peak=_utilization(model, peak, traffic.peak, model.replicas_max) if traffic else None,
        adapters=adapter_saving(model, pools[model.pool]),
    )


def _occupied(
    model: PlannedModel, pools: Mapping[str, PlannedPool], found: Mapping[str, Mapping[Part, Held]]
) -> Occupied:
    parts = {role: Part(model.name, role) for role in ("serve", "prefill")}
    homes = {"serve": model.pool} | ({"prefill": model.prefill.pool} if model.prefill else {})
    mine = {
        role: (pools[home], found[home][parts[role]])
        for role, home in homes.items()
        if parts[role] in found[home]
    }
    units = sum(share.units for _, share in mine.values())
    paid = sum(share.nodes * pool.accelerator.per_node for pool, share in mine.values())
    listed = [_usd(share.nodes, pool.usd_per_node_hour) for pool, share in mine.values()]
    marginal = [_usd(share.nodes, pool.marginal_usd_per_node_hour) for pool, share in mine.values()]
    reading = mine.get("prefill")
    return Occupied(
        usd_per_hour=_total(marginal),
        list_usd_per_hour=_total(listed),
        prefill_usd_per_hour=_usd(reading[1].nodes, reading[0].usd_per_node_hour) if reading else 0.0,
        filled=units / paid if paid else 1.0,
    )


def _input_share(model: PlannedModel, expected: Occupied, read_s: float | None) -> float | None:
    """The part of the GPU time that reads prompts.

    A replica completes `requests_per_second`, and reads each prompt for `read_s`: the product is the part of
    its time that goes into prefill; the rest decodes. Disaggregated, each part has GPUs of its own, and the
    share is that of their price.
    """
    if model.prefill:
        total, reading = expected.list_usd_per_hour, expected.prefill_usd_per_hour
        return None if not total or reading is None else round(reading / total, 4)
    if model.speed is None or read_s is None:
        return None
    return round(min(1.0, read_s * model.speed.requests_per_second), 4)


def _at_traffic(model: PlannedModel, expected: Occupied, share: float | None) -> TokenPrice | None:
    """The hour's price over the hour's tokens. Were replicas slower or faster, the plan would keep others."""
    usd, traffic, speed = expected.list_usd_per_hour, model.traffic, model.speed
    if usd is None or share is None or traffic is None or speed is None or not model.replicas_expected:
        return None
    counts = {
        bound: _replicas(model, traffic.requests_per_second, speed.requests_per_second * pace)
        for bound, pace in zip(("high", "value", "low"), _paces(model), strict=True)
    }
    # In proportion to the replicas that the plan has, which may be more than the traffic needs.
    factor = {bound: count / counts["value"] for bound, count in counts.items()}
    hour = Range(value=usd, low=usd * factor["low"], high=usd * factor["high"])
    return _token_price(hour, share, traffic, traffic.requests_per_second)


def _at_full(model: PlannedModel, pools: Mapping[str, PlannedPool], share: float | None) -> TokenPrice | None:
    """A replica's share of a full node over the tokens that it makes when it is as busy as the SLO allows."""
    traffic, speed, prefill = model.traffic, model.speed, model.prefill
    own = _units_usd(pools[model.pool], model.units * model.share)
    reading = 0.0
    if prefill:
        replicas = prefill.replicas_max / model.replicas_max
        reading = _units_usd(pools[prefill.pool], prefill.units * replicas)
    if own is None or reading is None or share is None or traffic is None or speed is None:
        return None
    usd, (slow, _, fast) = own + reading, _paces(model)
    hour = Range(value=usd, low=usd / fast, high=usd / slow)
    return _token_price(hour, share, traffic, speed.requests_per_second)


def _token_price(
    hour: Range, share: float, traffic: PlannedTraffic, requests_per_second: float
) -> TokenPrice:
    def usd(tokens: int, part: float) -> Range:
        per_token = part / (requests_per_second * 3600 * tokens) * PER_MILLION
        return Range(
            value=round(hour.value * per_token, 4),
            low=round(hour.low * per_token, 4),
            high=round(hour.high * per_token, 4),
        )

    return TokenPrice(input=usd(traffic.prompt_tokens, share), output=usd(traffic.output_tokens, 1 - share))


def _utilization(model: PlannedModel, there: Occupied, asked: float, replicas: int) -> Range | None:
    """Requests over what replicas complete within the SLO, times the part of their nodes that they fill."""
    speed = model.speed
    if speed is None or not replicas:
        return None
    slow, _, fast = _paces(model)

    def busy(pace: float) -> float:
        return round(min(1.0, asked / (replicas * speed.requests_per_second * pace)) * there.filled, 4)

    return Range(value=busy(1), low=busy(fast), high=busy(slow))


def _ways_up(model: PlannedModel, pool: PlannedPool, traffic: PlannedTraffic, each: float) -> Iterator[str]:
    """What would raise the utilization, the surest first."""
    needed = math.ceil(traffic.requests_per_second / each)
    if model.replicas_min > needed:
        yield f"replicas.min: {needed}, which the mean traffic needs"
    cost = model.cost
    busy = traffic.requests_per_second / (model.replicas_expected * each)
    if cost and cost.utilization_expected and cost.utilization_expected.value < FULL_ENOUGH * busy:
        yield f"other models on the units of pool {pool.name} that stand empty"
    if model.replicas_min <= needed:
        unit = pool.accelerator.profile or "GPU"
        yield (
            f"a smaller slice or a part of a GPU in place of {model.units} × {unit}, if memory and SLO "
            "allow it; or more work for it: another team's adapter on the same base"
        )


def _replicas(model: PlannedModel, asked: float, each: float) -> int:
    return min(model.replicas_max, max(1, model.replicas_min, math.ceil(asked / each)))


def _paces(model: PlannedModel) -> tuple[float, float, float]:
    """How slow, exactly and fast the replicas may be, as parts of what is predicted."""
    speed = model.speed
    if speed is None or not speed.output_tok_s.value:
        return 1.0, 1.0, 1.0
    rate = speed.output_tok_s
    return rate.low / rate.value, 1.0, rate.high / rate.value


def _fleet(deployments: int, replicas: int, model: PlannedModel, pool: PlannedPool) -> Fleet:
    each = max(model.replicas_min, math.ceil(replicas / deployments))
    count, size = deployments * each, round(model.units * model.share * QUARTERS)
    return Fleet(
        replicas=count,
        nodes=nodes_needed({size: count}, pool.accelerator.per_node),
        usd_per_hour=_units_usd(pool, count * model.units * model.share),
    )


def _ratio(together: Fleet, apart: Fleet) -> float:
    return round(apart.replicas / together.replicas, 2) if together.replicas else 1.0


def _units_usd(pool: PlannedPool, units: float) -> float | None:
    return _usd(units / pool.accelerator.per_node, pool.usd_per_node_hour)


def _usd(nodes: float, rate: float | None) -> float | None:
    return None if rate is None else round(nodes * rate, 4)


def _total(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return round(sum(known), 4) if len(known) == len(amounts) else None
