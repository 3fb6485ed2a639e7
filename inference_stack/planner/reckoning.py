"""What follows from where models run: price, cost of each, cold starts, quota, and what to know of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from inference_stack.catalog import Catalog
from inference_stack.spec import Environment, Finding, GpuPool, environment_findings, under

from .bill import Price, QuotaUse
from .choice import Choice, Placed, planned_models, planned_pools
from .choice.sizing import pace
from .copies import copies_findings, weights_folder
from .cost import expected_nodes, model_costs, utilization_findings
from .elsewhere import at_home, elsewhere_findings
from .heads import heads_findings
from .memory.graphs import captured
from .memory.weights import weights_bytes
from .plan import PlannedModel, PlannedPool
from .price import price, price_findings
from .quota import quota_findings, quota_use
from .replica import Replica
from .reservations import reservation_findings
from .services import services
from .startup import ColdStart, cold_start, cold_start_findings
from .upgrade import Upgrade, upgrade_findings, upgrades

ROOM = ("range-too-small", "cluster-too-large")
"""Findings of the spec that count nodes: those of pools that the plan makes count as well."""

GIB = 2**30
BITS = 8


class Reckoning(NamedTuple):
    """Pools and models with all figures, and the sums over them."""

    pools: tuple[PlannedPool, ...]
    models: tuple[PlannedModel, ...]
    price: Price
    quota: tuple[QuotaUse, ...]
    findings: tuple[Finding, ...]


def reckon(environment: Environment, choice: Choice, catalog: Catalog) -> Reckoning:
    """Everything that follows from a choice. All sizes must be in the catalog."""
    pools = planned_pools(environment, choice)
    placed = planned_models(choice, catalog)
    costs = model_costs(
        pools, placed, {each.demand.model.name: s for each in choice.placed if (s := _read_s(each))}
    )
    starts = _starts(choice, pools, placed, catalog)
    asked = {each.demand.model.name: each.demand.model.upgrade for each in choice.placed}
    chosen = upgrades(environment, asked, pools, placed, catalog)
    models = tuple(
        model.model_copy(
            update={
                "cost": costs[model.name],
                "cold_start": starts[model.name],
                "upgrade": chosen[model.name].strategy,
                "upgrade_why": chosen[model.name].why,
                "weights": model.weights or weights_folder(environment, model.checkpoint),
            }
        )
        for model in placed
    )
    heads = len(services(at_home(models, pools)))
    priced = price(environment, catalog, pools, expected_nodes(pools, models), heads)
    quota = quota_use(environment, pools, models, catalog)
    findings = [
        *price_findings(environment, priced),
        *quota_findings(environment, quota, catalog),
        *heads_findings(environment, heads, catalog),
        *reservation_findings(environment, pools),
        *_with_made_pools(environment, pools),
        *copies_findings(environment, models, catalog),
    ]
    by_name = {pool.name: pool for pool in pools}
    for each, model in zip(choice.placed, models, strict=True):
        about = _about(model, starts[model.name], chosen[model.name], by_name)
        findings += under(f"models[{each.demand.position}]", about)
    return Reckoning(pools, models, priced, quota, tuple(findings))


def _with_made_pools(environment: Environment, pools: Sequence[PlannedPool]) -> Iterator[Finding]:
    """Where addresses or the cluster have no room once the pools that the plan makes are listed too."""
    made = (
        GpuPool(name=pool.name, sku=pool.sku, nodes=pool.nodes) for pool in pools if pool.origin == "made"
    )
    listed = environment.model_copy(update={"pools": (*environment.listed_pools, *made)})
    yield from (each for each in environment_findings(listed) if each.code in ROOM)


def _about(
    model: PlannedModel,
    start: ColdStart,
    upgrade: Upgrade,
    pools: Mapping[str, PlannedPool],
) -> Iterator[Finding]:
    """What to know of one model; paths from the model."""
    pool = pools[model.pool]
    yield from utilization_findings(model, pool)
    yield from cold_start_findings(
        start, workload=model.workload, slo=model.slo, replicas_min=model.replicas_min
    )
    yield from upgrade_findings(model, upgrade)
    yield from elsewhere_findings(model, pools)


def _read_s(placed: Placed) -> float | None:
    """How long one replica takes to read a mean prompt while it does nothing else, seconds."""
    demand, running = placed.demand, placed.candidate.replica
    return pace(demand, running, 1).ttft_ms.value / 1000 if demand.traffic else None


def _starts(
    choice: Choice, pools: Sequence[PlannedPool], models: Sequence[PlannedModel], catalog: Catalog
) -> Mapping[str, ColdStart]:
    kept = {pool.name: pool.nodes.min > 0 for pool in pools}
    found: dict[str, ColdStart] = {}
    for placed, model in zip(choice.placed, models, strict=True):
        running, sku = placed.candidate.replica, placed.candidate.way.offer.sku
        graphs = captured(running)
        found[model.name] = cold_start(
            catalog.startup,
            checkpoint_gib=_checkpoint_gib(running),
            network_gb_s=sku.nic_gbit_s and sku.nic_gbit_s / BITS,
            graphs=len(graphs.mixed) + len(graphs.decode),
            node_kept=kept[model.pool],
        )
    return found


def _checkpoint_gib(running: Replica) -> float:
    """All weights, each once, those of a draft model too."""
    whole = weights_bytes(replace(running, tensor_parallel=1, pipeline_parallel=1)) / GIB
    return whole + (_checkpoint_gib(running.draft) if running.draft else 0.0)
