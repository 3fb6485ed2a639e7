"""What follows from an environment: its plan, or everything that forbids it."""

from .accelerator import accelerator
from .bill import AdapterSaving, Amount, Fleet, ModelCost, PoolPrice, Price, QuotaUse, Range, TokenPrice
from .copies import Copy, adapters_folder, copies
from .gateway import GatewayRoute, gateway_routes
from .heads import HEAD_CPU, HEAD_GIB
from .node_template import (
    GPU_PRESENT_LABEL,
    GPU_TAINT,
    IDLE_REASON_TAG,
    POOL_LABEL,
    node_selector,
    pool_labels,
    pool_taints,
    template_tags,
)
from .plan import (
    Accelerator,
    EdgeModel,
    Link,
    MemoryBudget,
    PackedNode,
    PackedUnit,
    Plan,
    PlannedModel,
    PlannedPool,
    PlannedPrefill,
    PlannedTraffic,
    PredictedSpeed,
    Rejected,
    RunnerUp,
    Tenant,
    WorkerSize,
    cluster_of,
)
from .planning import plan, plan_environment
from .pools import pool_findings
from .quota import POOL_SURGE, SYSTEM_SURGE
from .services import Service, gpus_shared, service_of, services
from .startup import ColdStart, Duration

__all__ = [
    "GPU_PRESENT_LABEL",
    "GPU_TAINT",
    "HEAD_CPU",
    "HEAD_GIB",
    "IDLE_REASON_TAG",
    "POOL_LABEL",
    "POOL_SURGE",
    "SYSTEM_SURGE",
    "Accelerator",
    "AdapterSaving",
    "Amount",
    "ColdStart",
    "Copy",
    "Duration",
    "EdgeModel",
    "Fleet",
    "GatewayRoute",
    "Link",
    "MemoryBudget",
    "ModelCost",
    "PackedNode",
    "PackedUnit",
    "Plan",
    "PlannedModel",
    "PlannedPool",
    "PlannedPrefill",
    "PlannedTraffic",
    "PoolPrice",
    "PredictedSpeed",
    "Price",
    "QuotaUse",
    "Range",
    "Rejected",
    "RunnerUp",
    "Service",
    "Tenant",
    "TokenPrice",
    "WorkerSize",
    "accelerator",
    "adapters_folder",
    "cluster_of",
    "copies",
    "gateway_routes",
    "gpus_shared",
    "node_selector",
    "plan",
    "plan_environment",
    "pool_findings",
    "pool_labels",
    "pool_taints",
    "service_of",
    "services",
    "template_tags",
]
