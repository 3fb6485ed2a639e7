"""GPU node pools and how their GPUs are cut."""

from enum import StrEnum

from pydantic import Field

from .cluster import Nodes
from .names import AgentPoolId, CapacityReservationGroupId, Gigabytes, PoolName, Taint, Zone
from .section import Section


class MigStrategy(StrEnum):
    """What the NVIDIA device plugin calls a slice: `nvidia.com/gpu` (single) or by its profile (mixed)."""

    SINGLE = "single"
    MIXED = "mixed"


class MigProfile(StrEnum):
    """AKS's names for how each GPU of a pool is cut; the number counts compute slices of seven."""

    MIG1G = "MIG1g"
    MIG2G = "MIG2g"
    MIG3G = "MIG3g"
    MIG4G = "MIG4g"
    MIG7G = "MIG7g"


class Mig(Section):
    """How each GPU of a pool is cut. AKS cuts all GPUs of a pool alike, at creation and for good."""

    profile: MigProfile = Field(description="MIG1g, MIG2g, MIG3g, MIG4g or MIG7g.")
    strategy: MigStrategy = Field(
        default=MigStrategy.SINGLE,
        description="single: a slice is `nvidia.com/gpu`; mixed: a slice is named by its profile.",
    )


class Priority(StrEnum):
    """Regular nodes stay; Spot nodes are cheaper and may be taken away at any time."""

    REGULAR = "Regular"
    SPOT = "Spot"


class GpuPool(Section):
    """One AKS node pool with GPUs, born at its minimum and moved by the autoscaler, or one that is there."""

    name: PoolName = Field(description="Name of the pool in this file, at most 7 characters.")
    existing: AgentPoolId | None = Field(
        default=None,
        description="ARM id of a node pool that is there already: it is used, not made, and used first.",
    )
    sku: str = Field(description="Azure GPU size, for example Standard_NC40ads_H100_v5.")
    mig: Mig | None = Field(default=None, description="How each GPU is cut; left out for whole GPUs.")
    nodes: Nodes = Field(description="Bounds of the pool, in nodes.")
    priority: Priority = Field(default=Priority.REGULAR, description="Regular or Spot.")
    spot_max_price: float | None = Field(
        default=None,
        gt=0,
        description="Most to pay for a Spot node, USD an hour; left out: list price.",
    )
    zones: tuple[Zone, ...] = Field(
        default=(), description="Availability zones; empty for those of the environment."
    )
    os_disk_gb: Gigabytes = Field(default=512, description="OS disk, GB; images and weights lie on it.")
    taints: tuple[Taint, ...] = Field(
        default=(), description="Taints of the nodes of a pool that exists, which its pods must tolerate."
    )


class CapacityReservation(Section):
    """Nodes that Azure keeps ready, and that are paid for whether they are used or not."""

    group: CapacityReservationGroupId = Field(description="ARM id of the capacity reservation group.")
    sku: str = Field(description="Azure GPU size of the reservation, for example Standard_ND96isr_H100_v5.")
    nodes: int = Field(ge=1, le=1000, description="Nodes reserved.")
