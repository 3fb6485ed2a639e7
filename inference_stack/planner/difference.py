"""What changes between two plans, in the terms of those who decide whether it may."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from inference_stack.spec import Finding

from .plan import Plan, PlannedModel, PlannedPool
from .planned import Planned

Facts = Mapping[str, JsonValue]
"""What is compared of a thing, by name."""

SHOWN = 3
"""Faults of an unreadable plan that are told; the rest follow from the same cause."""


class UnreadablePlanError(Exception):
    """A file that holds no plan of this version. The message says what to do."""


class Change(Planned):
    """One figure or setting that is not what it was; None where it was not there, or is not any more."""

    what: str = Field(description="Name of the field, with its unit: replicas_max, usd_per_hour.")
    old: JsonValue
    new: JsonValue


class Changed(Planned):
    """A pool or a model that comes, goes or changes."""

    name: str
    how: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...]


class Difference(Planned):
    """What changes from one plan to another. Empty where nothing does."""

    pools: tuple[Changed, ...] = ()
    models: tuple[Changed, ...] = ()
    price: tuple[Change, ...] = Field(default=(), description="USD an hour idle, expected and at peak.")
    quota: tuple[Changed, ...] = Field(default=(), description="vCPUs by family.")
    findings_gone: tuple[Finding, ...] = ()
    findings_new: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return any(getattr(self, part) for part in Difference.model_fields)


def read_plan(text: str, file: str) -> Plan:
    """The plan in a JSON text, as `inference-stack plan --json` prints it.

    Raises UnreadablePlanError for anything else.
    """
    try:
        return Plan.model_validate_json(text)
    except ValidationError as wrong:
        raise UnreadablePlanError(_unreadable(wrong, file)) from None


def difference(old: Plan, new: Plan) -> Difference:
    """What changes from `old` to `new`. Lines of findings do not count: they move with the file."""
    before, after = (_told(plan.findings) for plan in (old, new))
    return Difference(
        pools=_compared(_pools(old), _pools(new)),
        models=_compared(_models(old), _models(new)),
        price=_changes(_price(old), _price(new)),
        quota=_compared(_quota(old), _quota(new)),
        findings_gone=tuple(finding for finding in before if finding not in after),
        findings_new=tuple(finding for finding in after if finding not in before),
    )


def _pools(plan: Plan) -> Mapping[str, Facts]:
    return {pool.name: _pool(pool, plan) for pool in plan.pools}


def _pool(pool: PlannedPool, plan: Plan) -> Facts:
    unit = pool.accelerator
    line = next((line for line in plan.price.pools if line.pool == pool.name), None)
    gpus = unit.per_node // unit.per_gpu
    return {
        "sku": pool.sku,
        "origin": pool.origin,
        "gpu": unit.gpu,
        "slice": unit.profile,
        "mig_strategy": pool.mig.strategy.value if pool.mig else None,
        "priority": pool.priority.value,
        "zones": list(pool.zones),
        "taints": list(pool.taints),
        "capacity_reservation": pool.capacity_reservation,
        "nodes_reserved": pool.nodes_reserved,
        "nodes_min": pool.nodes.min,
        "nodes_expected": line.nodes_expected if line else None,
        "nodes_max": pool.nodes.max,
        "nodes_used": pool.nodes_used,
        "gpus_max": pool.nodes.max * gpus,
        "units_max": pool.nodes.max * unit.per_node,
        "usd_per_node_hour": pool.usd_per_node_hour,
    }


def _models(plan: Plan) -> Mapping[str, Facts]:
    return {model.name: _model(model) for model in plan.models}


def _model(model: PlannedModel) -> Facts:
    cost, start = model.cost, model.cold_start
    tokens = cost.at_traffic if cost else None
    return {
        "checkpoint": model.checkpoint,
        "weights": model.weights,
        "precision": model.precision.value,
        "licence": model.licence,
        "pool": model.pool,
        "tensor_parallel": model.tensor_parallel,
        "pipeline_parallel": model.pipeline_parallel,
        "share_of_unit": model.share,
        "replicas_min": model.replicas_min,
        "replicas_expected": model.replicas_expected,
        "replicas_max": model.replicas_max,
        "context_tokens": model.context_tokens,
        "concurrency": model.concurrency,
        "kv_tokens": model.memory.kv_tokens,
        "adapters": list(model.adapters),
        "routing": model.routing,
        "upgrade": model.upgrade,
        "bottleneck": model.bottleneck,
        **_prefill(model),
        **_capacity(model),
        "usd_per_hour": cost.list_usd_per_hour if cost else None,
        "usd_per_million_input": tokens.input.value if tokens else None,
        "usd_per_million_output": tokens.output.value if tokens else None,
        "utilization": cost.utilization_expected.value if cost and cost.utilization_expected else None,
        "cold_start_s": start.total.typical if start else None,
        "start_budget_s": start.start_budget_s if start else None,
        **{f"engine.{name}": value for name, value in model.engine.items()},
    }


def _prefill(model: PlannedModel) -> Facts:
    prefill = model.prefill
    if prefill is None:
        return {}
    return {
        "prefill.pool": prefill.pool,
        "prefill.units": prefill.units,
        "prefill.replicas_min": prefill.replicas_min,
        "prefill.replicas_max": prefill.replicas_max,
        "prefill.concurrency": prefill.concurrency,
    }


def _capacity(model: PlannedModel) -> Facts:
    """What all replicas do at peak, and how fast."""
    speed = model.speed
    if speed is None:
        return {}
    return {
        "requests_per_second": round(speed.requests_per_second * model.replicas_max, 3),
        "output_tok_s": round(speed.output_tok_s.value * model.replicas_max, 1),
        "ttft_ms": speed.ttft_ms.value,
        "tpot_ms": speed.tpot_ms.value,
    }


def _price(plan: Plan) -> Facts:
    price = plan.price
    return {
        f"{load}_{part}": getattr(amount, part)
        for load, amount in (("idle", price.idle), ("expected", price.expected), ("peak", price.peak))
        for part in ("usd_per_hour", "gpu_usd_per_hour", "existing_usd_per_hour")
    }


def _quota(plan: Plan) -> Mapping[str, Facts]:
    return {
        use.family: {
            "granted": use.granted,
            "vcpus_peak": use.vcpus_peak,
            "vcpus_upgrading": use.vcpus_upgrading,
            "gpus_peak": use.gpus_peak,
            "gpus_upgrading": use.gpus_upgrading,
        }
        for use in plan.quota
    }


def _told(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding.model_copy(update={"line": None}) for finding in findings)


def _compared(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> tuple[Changed, ...]:
    """What was there before first, in its order, then what comes."""
    return tuple(_each(old, new))


def _each(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Changed]:
    for name, before in old.items():
        if name not in new:
            yield Changed(name=name, how="removed", changes=_changes(before, {}))
        elif changes := _changes(before, new[name]):
            yield Changed(name=name, how="changed", changes=changes)
    for name, after in new.items():
        if name not in old:
            yield Changed(name=name, how="added", changes=_changes({}, after))


def _changes(old: Facts, new: Facts) -> tuple[Change, ...]:
    names: Sequence[str] = [*old, *(name for name in new if name not in old)]
    return tuple(
        Change(what=name, old=old.get(name), new=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )


def _unreadable(wrong: ValidationError, file: str) -> str:
    faults = wrong.errors(include_url=False)
    if faults[0]["type"] == "json_invalid":
        what = f"is no JSON: {faults[0]['ctx']['error']}" if "ctx" in faults[0] else "is no JSON"
    else:
        told = [
            f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg'].lower()}"
            for fault in faults[:SHOWN]
        ]
        more = f", and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        what = "holds no plan of this version: " + "; ".join(told) + more
    return (
        f"{file}: {what}\n"
        "  allowed: what `inference-stack plan --json` prints\n"
        "  do: check out the old state with this version of the tool, and print its plan again"
    )
