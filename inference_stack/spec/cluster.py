"""The AKS cluster and its pools without GPUs."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from .section import Section


class Nodes(Section):
    """How many nodes a pool may have. The autoscaler moves between the bounds."""

    min: int = Field(default=0, ge=0, le=1000, description="Nodes kept when nobody asks for anything.")
    max: int = Field(ge=1, le=1000, description="Nodes at peak.")
    reason: str | None = Field(
        default=None,
        min_length=10,
        description="Why a GPU pool keeps nodes when idle; required where `min` is above zero.",
    )


SYSTEM_POOL = "system"
"""Pool of AKS's own pods and of the operators."""

HEADS_POOL = "heads"
"""Pool of the Ray heads, which run no model."""

OWN_POOLS = (SYSTEM_POOL, HEADS_POOL)
"""Names of the pools without GPUs that every cluster has."""

MOST_POOLS = 100
"""Node pools that AKS has in one cluster."""


class CpuPool(Section):
    """A pool without GPUs."""

    sku: str = Field(description="Azure size, for example Standard_D4ds_v5.")
    nodes: Nodes = Field(description="Bounds of the pool, in nodes.")


class ClusterTier(StrEnum):
    """AKS pricing tier: Standard has an uptime SLA, Premium long-term support beside it, Free neither."""

    FREE = "Free"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class Window(Section):
    """When AKS may upgrade by itself what a channel lets it, once a week."""

    day: Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] = Field(
        default="Sunday", description="Day of the week."
    )
    start: str = Field(
        default="01:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Hour and minute, HH:MM, in UTC."
    )
    hours: int = Field(default=4, ge=4, le=24, description="How long it is open, hours; AKS wants four.")


class Cluster(Section):
    """The AKS cluster and its two pools without GPUs."""

    runtime: Literal["ray", "anyscale"] = Field(
        default="ray",
        description="ray: open-source Ray, run by KubeRay. anyscale: Anyscale's, run by its operator, which "
        "you install; the services are put out for its command to deploy.",
    )
    kubernetes_version: str = Field(
        default="1.35", pattern=r"^1\.\d{2}(\.\d+)?$", description="AKS version, minor or patch."
    )
    upgrade_channel: Literal["none", "patch", "stable", "rapid", "node-image"] = Field(
        default="none", description="What AKS upgrades by itself; none leaves the version to this file."
    )
    node_os_channel: Literal["None", "Unmanaged", "SecurityPatch", "NodeImage"] = Field(
        default="NodeImage", description="How nodes get security updates between upgrades."
    )
    window: Window = Field(default=Window(), description="When AKS may upgrade by itself.")
    defender: bool = Field(
        default=True,
        description="Whether Microsoft Defender for Containers watches what runs; it is billed by vCPU.",
    )
    support: Literal["KubernetesOfficial", "AKSLongTermSupport"] = Field(
        default="KubernetesOfficial",
        description="AKSLongTermSupport keeps a version for two years; tier Premium.",
    )
    tier: ClusterTier = Field(
        default=ClusterTier.STANDARD,
        description="Free, Standard (uptime SLA) or Premium (long-term support).",
    )
    system: CpuPool = Field(
        default=CpuPool(sku="Standard_D4ds_v5", nodes=Nodes(min=1, max=3)),
        description="System pool: AKS's own pods and the operators. AKS wants at least one node.",
    )
    heads: CpuPool = Field(
        default=CpuPool(sku="Standard_D8ds_v5", nodes=Nodes(min=0, max=3)),
        description="Pool of the Ray heads and the Serve ingress, which run no model.",
    )
    gcs_fault_tolerance: bool = Field(
        default=True,
        description="Whether replicas outlive a restart of their Ray head's container: its GCS keeps what it "
        "knows in RocksDB (alpha in Ray 2.60) on a volume of the pod. The loss of the pod, never.",
    )
