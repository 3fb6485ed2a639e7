"""What fills each unit of each node at peak."""

from collections import defaultdict
from collections.abc import Sequence

from inference_stack.planner.plan import PackedNode, PackedUnit, PlannedModel, PlannedPool, Tenant

from .nodes import QUARTERS, fill


def packed(pools: Sequence[PlannedPool], models: Sequence[PlannedModel]) -> tuple[PackedNode, ...]:
    """Every node of every pool with its replicas, and the nodes that are kept empty."""
    waiting: defaultdict[str, defaultdict[int, list[Tenant]]] = defaultdict(lambda: defaultdict(list))
    for model in models:
        size = round(model.units * model.share * QUARTERS)
        waiting[model.pool][size] += [
            Tenant(model=model.name, replica=number, share=model.share)
            for number in range(model.replicas_max)
        ]
        if model.prefill:
            waiting[model.prefill.pool][model.prefill.units * QUARTERS] += [
                Tenant(model=model.name, replica=number, share=1.0, role="prefill")
                for number in range(model.prefill.replicas_max)
            ]
    return tuple(node for pool in pools for node in _nodes(pool, waiting[pool.name]))


def _nodes(pool: PlannedPool, waiting: dict[int, list[Tenant]]) -> list[PackedNode]:
    unit = pool.accelerator
    queues = {size: iter(tenants) for size, tenants in waiting.items()}
    filled = fill({size: len(tenants) for size, tenants in waiting.items()}, unit.per_node)
    found: list[PackedNode] = []
    for number in range(max(len(filled), pool.nodes.min)):
        taken: list[tuple[Tenant, ...]] = []
        for held in filled[number] if number < len(filled) else ():
            tenants = tuple(next(queues[size]) for size in held)
            taken += [tenants] * max(1, held[0] // QUARTERS)
        taken += [()] * (unit.per_node - len(taken))
        units = tuple(
            PackedUnit(gpu=index // unit.per_gpu, slot=index % unit.per_gpu, tenants=tenants)
            for index, tenants in enumerate(taken)
        )
        found.append(PackedNode(pool=pool.name, node=number, units=units))
    return found
