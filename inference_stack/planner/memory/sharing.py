"""Several engines on one GPU without slices: budgets that together stay below the card.

vLLM counts its utilization of the whole GPU for each engine, and checks at start that so much is free. The
CUDA context of each process and, by release, CUDA graphs come on top.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import floor

from ..replica import Replica
from .budget import memory

STEPS = 1000
"""Utilizations are rounded down to thousandths."""


def with_share(replica: Replica, share: float) -> Replica:
    """The replica with the largest utilization whose footprint stays within this part of the GPU.

    Raises ValueError where the part does not even hold the process: CUDA context and graphs.
    """
    total = replica.silicon.memory_gib
    held = memory(replica)
    beside = held.footprint_gib - held.requested_gib
    utilization = floor((share * total - beside) / total * STEPS) / STEPS
    if utilization <= 0:
        raise ValueError(
            f"a share of {share:g} of {total:.2f} GiB is less than the {beside:.2f} GiB that a process takes "
            "beside its budget"
        )
    return replace(replica, engine=replace(replica.engine, gpu_memory_utilization=utilization))


def share_together(tenants: Sequence[Replica]) -> bool:
    """Whether these engines start one after the other on one GPU: their footprints stay below its memory."""
    if not tenants:
        return True
    total = min(tenant.silicon.memory_gib for tenant in tenants)
    return sum(memory(tenant).footprint_gib for tenant in tenants) <= total
