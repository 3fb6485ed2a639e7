"""How many nodes of a pool models fill, and what part of them each one stands for."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from .choice.nodes import QUARTERS, nodes_needed
from .choice.packed import packed
from .plan import PlannedModel, PlannedPool
from .services import Service, gpus_shared

Role = Literal["serve", "prefill"]


class Part(NamedTuple):
    """The replicas of a model that answer, or those that read prompts for them."""

    model: str
    role: Role


class Held(NamedTuple):
    """What a part of a model has of a pool."""

    units: float
    """Units that its replicas take."""
    nodes: float
    """Nodes that it stands for: empty units fall to those who share the node, in proportion."""


def at_mean_traffic(models: Iterable[PlannedModel]) -> tuple[PlannedModel, ...]:
    """The models with no more replicas at peak than the mean traffic keeps at work."""
    return tuple(_at_mean(model) for model in models)


def at_rest(models: Iterable[PlannedModel]) -> tuple[PlannedModel, ...]:
    """The models with no more replicas at peak than are kept anyway."""
    return tuple(_with_replicas(model, model.replicas_min, _least_prefill(model)) for model in models)


def replicas_by_size(models: Iterable[PlannedModel], pool: str) -> Counter[int]:
    """Replicas on a pool at peak, by the quarters of units that one takes."""
    sizes: Counter[int] = Counter()
    for model in models:
        if model.pool == pool:
            sizes[round(model.units * model.share * QUARTERS)] += model.replicas_max
        if model.prefill and model.prefill.pool == pool:
            sizes[model.prefill.units * QUARTERS] += model.prefill.replicas_max
    return +sizes


def nodes_filled(pool: PlannedPool, models: Iterable[PlannedModel], again: Service | None = None) -> int:
    """The fewest nodes of a pool that hold its models at peak, and one service `again` beside them.

    No GPU is shared by both: a pod belongs to one Ray cluster.
    """
    sizes = replicas_by_size(models, pool.name)
    if again and not again.shares_gpus:
        sizes += replicas_by_size(again.models, pool.name)
    elif again and again.models[0].pool == pool.name:
        sizes += Counter({QUARTERS: gpus_shared((model, model.replicas_max) for model in again.models)})
    return nodes_needed(sizes, pool.accelerator.per_node)


def held(pool: PlannedPool, models: Iterable[PlannedModel]) -> Mapping[Part, Held]:
    """What each part has of a pool at peak; nodes that the pool keeps empty fall to all, in proportion."""
    here = [model for model in models if pool.name in homes(model)]
    packing = [node for node in packed((pool,), here) if any(unit.tenants for unit in node.units)]
    kept = max(1.0, pool.nodes.min / len(packing)) if packing else 1.0
    units: defaultdict[Part, float] = defaultdict(float)
    nodes: defaultdict[Part, float] = defaultdict(float)
    for node in packing:
        taken: defaultdict[Part, float] = defaultdict(float)
        for tenant in (tenant for unit in node.units for tenant in unit.tenants):
            taken[Part(tenant.model, tenant.role)] += tenant.share
        for part, own in taken.items():
            units[part] += own
            nodes[part] += kept * own / sum(taken.values())
    return {part: Held(units[part], nodes[part]) for part in units}


def homes(model: PlannedModel) -> tuple[str, ...]:
    """The pools that the replicas of a model are on."""
    return (model.pool, model.prefill.pool) if model.prefill else (model.pool,)


def _at_mean(model: PlannedModel) -> PlannedModel:
    # Those that read are kept in step with those that answer.
    part = model.replicas_expected / model.replicas_max
    reading = math.ceil(part * model.prefill.replicas_max) if model.prefill else 0
    return _with_replicas(model, model.replicas_expected, max(reading, _least_prefill(model)))


def _least_prefill(model: PlannedModel) -> int:
    return model.prefill.replicas_min if model.prefill else 0


def _with_replicas(model: PlannedModel, replicas: int, reading: int) -> PlannedModel:
    prefill = model.prefill and model.prefill.model_copy(update={"replicas_max": reading})
    return model.model_copy(update={"replicas_max": replicas, "prefill": prefill})
