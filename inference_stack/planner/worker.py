"""What a worker pod gets of its node beside the accelerators."""

import math

from inference_stack.catalog import Catalog, Sku

from .plan import WorkerSize

DAEMONS_CPU = 1.0
"""Cores for what runs on every node: AKS's own pods, the device plugin, logs and metrics. Our estimate."""
DAEMONS_GIB = 2.0
OS_SHARE = 0.03
"""Part of the memory that is never a node's capacity: page tables, firmware, crash kernel. Our estimate."""
SHM_GIB = 16
"""Shared memory of a replica: vLLM's processes pass tensors through it, and the default is 64 MB."""


def worker_size(sku: Sku, per_node: int, units: int, catalog: Catalog) -> WorkerSize:
    """The share of `units` out of `per_node` units in what a node can give to pods, rounded down."""
    cpu, memory_gib = allocatable(sku, catalog)
    share = math.floor(memory_gib / per_node) * units
    return WorkerSize(
        cpu=max(1, math.floor(cpu / per_node) * units),
        memory_gib=share,
        shm_gib=max(1, min(SHM_GIB, share // 4)),
    )


def allocatable(sku: Sku, catalog: Catalog) -> tuple[float, float]:
    """Cores and GiB that a node of this size can give to our pods."""
    reserved = catalog.reserved(sku)
    cpu = sku.vcpu - reserved.cpu_millicores / 1000 - DAEMONS_CPU
    memory_gib = sku.memory_gib * (1 - OS_SHARE) - reserved.memory_gib - DAEMONS_GIB
    return cpu, memory_gib
