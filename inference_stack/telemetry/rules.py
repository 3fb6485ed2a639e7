"""What Prometheus records and watches, from a plan: the SLOs, what the nodes cost, and the alerts."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from inference_stack.planner import Plan
from inference_stack.planner.bill import PoolPrice

from .alerts import PAGE, Alert, alerts
from .series import GPUS, SLOS, USD_PER_HOUR

MAX_RULES = 20
"""Rules of a group, which cannot be raised: Azure Monitor service limits of 2025-05-21."""


class Record(NamedTuple):
    """A recording rule."""

    name: str
    expr: str
    labels: dict[str, str]


class Group(NamedTuple):
    """Rules that are evaluated together, once a minute."""

    name: str
    rules: Sequence[Record | Alert]


def groups(plan: Plan) -> tuple[Group, ...]:
    """Every rule of an environment, in groups that Azure takes."""
    return (
        *_grouped("slo", _slos(plan)),
        *_grouped("cost", _costs(plan)),
        *_grouped("alerts", alerts(plan)),
    )


def rules_file(plan: Plan) -> dict[str, Any]:
    """The same as a rules file of Prometheus."""
    return {
        "groups": [
            {"name": group.name, "interval": "1m", "rules": [_plain(rule) for rule in group.rules]}
            for group in groups(plan)
        ]
    }


def _slos(plan: Plan) -> list[Record]:
    asked = [(model.name, model.slo) for model in plan.models if model.slo is not None]
    return [
        Record(name, f"vector({milliseconds / 1000:g})", {"model_name": model})
        for model, slo in asked
        for name, milliseconds in ((SLOS["ttft"], slo.ttft_ms), (SLOS["tpot"], slo.tpot_ms))
    ]


def _costs(plan: Plan) -> list[Record]:
    """What each pool costs, USD an hour at list price; those that somebody pays for anyway are left out."""
    return [
        Record(USD_PER_HOUR, _cost(pool, pool.usd_per_node_hour), {"pool": pool.pool})
        for pool in plan.price.pools
        if not pool.existing and pool.usd_per_node_hour is not None
    ]


def _cost(pool: PoolPrice, usd_per_node_hour: float) -> str:
    if not pool.gpus:
        # Nothing of ours counts these nodes; they are taken at their maximum.
        return f"vector({pool.nodes_peak * usd_per_node_hour:g})"
    # Each GPU node has one exporter, whether it answers or not. Nodes that stay or are reserved are paid for.
    counted = f'count(up{{job="{GPUS}", pool="{pool.pool}"}}) or vector(0)'
    return f"clamp_min({counted}, {pool.nodes_idle}) * {usd_per_node_hour:g}"


def _grouped(name: str, rules: Iterable[Record | Alert]) -> list[Group]:
    left, parts = iter(rules), list[tuple[Record | Alert, ...]]()
    while part := tuple(islice(left, MAX_RULES)):
        parts.append(part)
    return [Group(name if not index else f"{name}-{index + 1}", part) for index, part in enumerate(parts)]


def _plain(rule: Record | Alert) -> dict[str, Any]:
    if isinstance(rule, Record):
        return {"record": rule.name, "expr": rule.expr, "labels": rule.labels}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": f"{rule.minutes}m",
        "labels": {"severity": str(rule.severity)},
        "annotations": annotations(rule),
    }


def annotations(alert: Alert) -> dict[str, str]:
    """What a person is told."""
    return {
        "summary": alert.summary,
        "description": alert.remedy,
        "runbook_url": f"{PAGE}#{alert.name.lower()}",
    }
