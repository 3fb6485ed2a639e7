"""The Ray heads: one a service, on the pool that runs no model, also while the service has no worker."""

import math
from collections.abc import Iterator

from inference_stack.catalog import Catalog
from inference_stack.spec import CpuPool, Environment, Finding

from .worker import allocatable

HEAD_CPU = 2
HEAD_GIB = 8
"""What the head of a service asks for: GCS, Serve's controller and ingress replicas of 1.1 GiB each."""

AUTOSCALER_CPU = 0.5
AUTOSCALER_GIB = 0.5
"""Ray's autoscaler, which KubeRay puts beside the head, in the same pod."""


def heads_per_node(pool: CpuPool, catalog: Catalog) -> int:
    """Heads that one node of the pool holds; 0 where it is too small. Its size must be in the catalog."""
    cpu, memory_gib = allocatable(catalog.skus[pool.sku], catalog)
    by_cpu = cpu / (HEAD_CPU + AUTOSCALER_CPU)
    by_memory = memory_gib / (HEAD_GIB + AUTOSCALER_GIB)
    return math.floor(min(by_cpu, by_memory))


def head_nodes(services: int, pool: CpuPool, catalog: Catalog) -> int | None:
    """Nodes that the heads of so many services fill, whatever the pool's bounds; None where none fits."""
    each = heads_per_node(pool, catalog)
    return math.ceil(services / each) if each else None


def head_size() -> str:
    """What one head takes of a node, in words."""
    return f"{HEAD_CPU + AUTOSCALER_CPU:g} cores and {HEAD_GIB + AUTOSCALER_GIB:g} GiB"


def heads_findings(environment: Environment, services: int, catalog: Catalog) -> Iterator[Finding]:
    """Whether the heads of all services find room; without its head a service never starts."""
    pool = environment.cluster.heads
    needed = head_nodes(services, pool, catalog)
    head = head_size()
    if needed is None:
        yield Finding(
            code="head-too-large",
            path="cluster.heads.sku",
            given=pool.sku,
            what=f"has no room for the Ray head of a service beside AKS's own pods: {head}",
            allowed="a larger size without GPUs",
        )
    elif needed > pool.nodes.max:
        yield Finding(
            code="heads-pool-too-small",
            path="cluster.heads.nodes.max",
            given=str(pool.nodes.max),
            what=(
                f"is less than the {needed} nodes that the Ray heads of {services} services need: "
                f"{head} each, {heads_per_node(pool, catalog)} on a node"
            ),
            allowed=f"at least {needed}, or a larger size",
        )
