"""What may be asked: one environment, the key `inference-stack:environment` of `Pulumi.<env>.yaml`."""

from typing import Annotated, Literal

from pydantic import Field

from .cluster import Cluster, CpuPool
from .gateway import Gateway
from .governance import Governance
from .models import Model
from .names import Tag, Vcpus, Zone, family
from .network import Access, Network
from .pools import CapacityReservation, GpuPool
from .section import Section
from .sources import Charts, Images
from .telemetry import Telemetry
from .weights import Weights


class Budget(Section):
    """What the environment may cost."""

    usd_per_hour: float = Field(gt=0, description="List price of all nodes at peak, USD an hour.")


class Environment(Section):
    """One environment: which models serve which people, on what, under which rules."""

    region: str = Field(pattern=r"^[a-z0-9]{3,32}$", description="Azure region, for example swedencentral.")
    zones: tuple[Zone, ...] = Field(
        default=(),
        description="Availability zones of every pool that names none; empty lets Azure choose.",
    )
    storage_account: str = Field(
        pattern=r"^[a-z0-9]{3,24}$",
        description="Storage account of weights and adapters, a name that nobody else in Azure has.",
    )
    tags: dict[str, Tag] = Field(default_factory=dict, description="Tags on every Azure resource.")
    network: Network = Field(default=Network(), description="Address ranges.")
    access: Access = Field(default=Access(), description="Who reaches and administers the cluster.")
    cluster: Cluster = Field(default=Cluster(), description="The AKS cluster.")
    pools: Literal["auto"] | Annotated[tuple[GpuPool, ...], Field(min_length=1)] = Field(
        default="auto", description="GPU node pools; auto lets the plan make what the models need."
    )
    new_pools: bool = Field(
        default=False, description="Whether the plan may make pools beside those that `pools` lists."
    )
    quota: dict[str, Vcpus] = Field(
        default_factory=dict,
        description="vCPUs granted in the region, by quota family; a family left out has no limit.",
    )
    capacity_reservations: tuple[CapacityReservation, ...] = Field(
        default=(), description="Nodes that Azure keeps ready; pools of that size take them first."
    )
    new_a100_capacity: bool = Field(
        default=False,
        description="Whether the plan may make A100 pools; Azure adds new capacity for H100 only.",
    )
    shared_gpus: bool = Field(
        default=False,
        description="Whether models may share a whole GPU: each keeps to its part of the memory, "
        "but they slow one another.",
    )
    spot: bool = Field(
        default=False,
        description="Whether the pools that the plan makes are Spot: cheaper, and taken away at any time.",
    )
    models: tuple[Model, ...] = Field(min_length=1, description="Models to serve.")
    gateway: Gateway | None = Field(
        default=None, description="What lets requests in from outside; left out, nothing does."
    )
    weights: Weights = Field(default=Weights(), description="Where checkpoints come from.")
    charts: Charts = Field(default=Charts(), description="Sources of Helm charts.")
    images: Images = Field(default=Images(), description="Container images.")
    telemetry: Telemetry = Field(default=Telemetry(), description="What is recorded of the cluster.")
    governance: Governance = Field(default=Governance(), description="What is allowed.")
    budget: Budget | None = Field(default=None, description="What it may cost.")

    @property
    def listed_pools(self) -> tuple[GpuPool, ...]:
        """The pools that the environment names itself."""
        return () if self.pools == "auto" else self.pools

    @property
    def own_pools(self) -> tuple[CpuPool | GpuPool, ...]:
        """The pools of this cluster that the environment names: existing ones lie in other clusters."""
        made = (pool for pool in self.listed_pools if pool.existing is None)
        return (self.cluster.system, self.cluster.heads, *made)

    @property
    def granted(self) -> dict[str, int]:
        """vCPUs granted in the region, by quota family as Azure means it."""
        return {family(name): vcpus for name, vcpus in self.quota.items()}

    @property
    def may_add_pools(self) -> bool:
        """Whether the plan may make pools of its own."""
        return self.pools == "auto" or self.new_pools
