"""What follows from an environment: its plan, or everything that forbids it."""

from .accelerator import accelerator
from .node_template import (
    GPU_PRESENT_LABEL,
    GPU_TAINT,
    HEADS_POOL,
    IDLE_REASON_TAG,
    POOL_LABEL,
    pool_labels,
    pool_taints,
    template_tags,
)
from .plan import Accelerator, MemoryBudget, Plan, PlannedModel, PlannedPool, Price, WorkerSize
from .planning import plan, plan_environment
from .pools import pool_findings

__all__ = [
    "GPU_PRESENT_LABEL",
    "GPU_TAINT",
    "HEADS_POOL",
    "IDLE_REASON_TAG",
    "POOL_LABEL",
    "Accelerator",
    "MemoryBudget",
    "Plan",
    "PlannedModel",
    "PlannedPool",
    "Price",
    "WorkerSize",
    "accelerator",
    "plan",
    "plan_environment",
    "pool_findings",
    "pool_labels",
    "pool_taints",
    "template_tags",
]
