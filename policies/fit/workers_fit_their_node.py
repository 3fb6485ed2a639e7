"""A worker is no larger than a node of its pool."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.catalog import CATALOG
from inference_stack.engine.document import quantity
from inference_stack.planner.node_template import POOL_LABEL
from inference_stack.planner.worker import allocatable
from policies.context import Context
from policies.kinds import AGENT_POOL, RAY_SERVICE
from policies.pods import worker_groups
from policies.rule import Violation, rule
from policies.seen import Seen, maps

GIB = 2**30


@rule(
    demand="A worker asks for no more cores, memory and GPUs than a node of its pool can give to pods.",
    why="The autoscaler makes no node for a pod that would not fit on it: the worker stays pending for ever.",
    remedy="ask for less, or take a pool of larger nodes",
    on=[RAY_SERVICE],
    whole=True,
)
def workers_fit_their_node(service: Seen, context: Context) -> Iterator[Violation]:
    """Worker groups whose pod is larger than what a node has left."""
    pools = {pool.get("nodeLabels", {}).get(POOL_LABEL): pool for pool in context.of_type(AGENT_POOL)}
    for path, group in worker_groups(service):
        spec = (group.get("template") or {}).get("spec") or {}
        pool = pools.get((spec.get("nodeSelector") or {}).get(POOL_LABEL))
        if pool is not None:
            yield from _too_large(f"{path}.template.spec", spec, pool)


def _too_large(where: str, spec: Mapping[str, Any], pool: Seen) -> Iterator[Violation]:
    sku = CATALOG.skus.get(str(pool.get("vmSize")))
    if sku is None:
        return
    cpu, memory_gib = allocatable(sku, CATALOG)
    profile = pool.get("gpuInstanceProfile")
    row = CATALOG.mig(sku.name, profile) if profile else None
    units = sku.gpus * (row.per_gpu if row else 1)
    for name, most, unit in (("cpu", cpu, 1), ("memory", memory_gib, GIB), ("nvidia.com/", units, 1)):
        asked = sum(_asked(container, name) for container in maps(spec.get("containers"))) / unit
        if asked > most:
            what = f"is more than a node of {sku.name} in pool {pool.name} gives to pods"
            path = f"{where}.containers: {name.rstrip('/')}"
            yield Violation(path, f"{asked:g}", what, f"at most {most:.4g}" + (" GiB" if unit == GIB else ""))


def _asked(container: Mapping[str, Any], name: str) -> float:
    resources = container.get("resources") or {}
    amounts = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return sum(
        quantity(value) or 0
        for key, value in amounts.items()
        if key == name or (name[-1] == "/" and key.startswith(name))
    )
