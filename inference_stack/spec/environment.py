"""What may be asked: one environment, the key `inference-stack:environment` of `Pulumi.<env>.yaml`."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from .demand import Isolation, Precision, Slo, Traffic
from .section import Section

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
"""Lower case, digits and dashes, beginning with a letter: valid as a Kubernetes name and as a URL part."""

PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,6}$")]
"""At most seven characters: AKS allows twelve, and five carry a hash of what cannot be changed in place."""

AgentPoolId = Annotated[
    str,
    StringConstraints(
        pattern=r"(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers"
        r"/Microsoft\.ContainerService/managedClusters/[^/]+/agentPools/[a-z][a-z0-9]{0,11}$"
    ),
]
"""ARM id of a node pool of AKS."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Vcpus = Annotated[int, Field(ge=0, le=10_000_000)]
Gigabytes = Annotated[int, Field(ge=30, le=2048)]


class Network(Section):
    """Address ranges. Pods live in an overlay, so that only nodes take addresses from the virtual network."""

    address_space: IPv4Network = Field(
        default=IPv4Network("10.40.0.0/16"), description="Virtual network of the environment, CIDR."
    )
    nodes: IPv4Network = Field(
        default=IPv4Network("10.40.0.0/20"), description="Subnet of every node pool, CIDR."
    )
    endpoints: IPv4Network = Field(
        default=IPv4Network("10.40.16.0/24"), description="Subnet of private endpoints, CIDR."
    )
    pods: IPv4Network = Field(
        default=IPv4Network("10.244.0.0/16"), description="Overlay range of pods, CIDR; one /24 a node."
    )
    services: IPv4Network = Field(
        default=IPv4Network("10.41.0.0/16"), description="Range of Kubernetes services, CIDR."
    )


class Nodes(Section):
    """How many nodes a pool may have. The autoscaler moves between the bounds."""

    min: int = Field(default=0, ge=0, le=1000, description="Nodes kept when nobody asks for anything.")
    max: int = Field(ge=1, le=1000, description="Nodes at peak.")
    reason: str | None = Field(
        default=None,
        min_length=10,
        description="Why a GPU pool keeps nodes when idle; required where `min` is above zero.",
    )


class CpuPool(Section):
    """A pool without GPUs."""

    sku: str = Field(description="Azure size, for example Standard_D4ds_v5.")
    nodes: Nodes = Field(description="Bounds of the pool, in nodes.")


class ClusterTier(StrEnum):
    """AKS pricing tier: Standard has an uptime SLA, Free has none."""

    FREE = "Free"
    STANDARD = "Standard"


class Cluster(Section):
    """The AKS cluster and its two pools without GPUs."""

    kubernetes_version: str = Field(
        default="1.35", pattern=r"^1\.\d{2}(\.\d+)?$", description="AKS version, minor or patch."
    )
    tier: ClusterTier = Field(default=ClusterTier.STANDARD, description="Free or Standard (uptime SLA).")
    system: CpuPool = Field(
        default=CpuPool(sku="Standard_D4ds_v5", nodes=Nodes(min=1, max=3)),
        description="System pool: AKS's own pods and the operators. AKS wants at least one node.",
    )
    heads: CpuPool = Field(
        default=CpuPool(sku="Standard_D8ds_v5", nodes=Nodes(min=0, max=3)),
        description="Pool of the Ray heads and the Serve ingress, which run no model.",
    )
    authorized_ranges: tuple[IPv4Network, ...] = Field(
        default=(), description="Addresses that may reach the API server, CIDR; empty for all."
    )
    admin_groups: tuple[str, ...] = Field(
        default=(), description="Object ids of the Entra groups that administer the cluster."
    )


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
    zones: tuple[Literal["1", "2", "3"], ...] = Field(
        default=(), description="Availability zones; empty lets Azure choose."
    )
    os_disk_gb: Gigabytes = Field(default=512, description="OS disk, GB; images and weights lie on it.")


class Adapter(Section):
    """A LoRA adapter, requested by clients as `<model>:<adapter>`."""

    name: Name = Field(description="What clients ask for behind the colon.")
    rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = Field(default=16, description="LoRA rank.")


class Replicas(Section):
    """How many copies of a model may run."""

    min: int = Field(default=0, ge=0, le=1000, description="Replicas kept when nobody asks for anything.")
    max: int = Field(ge=1, le=1000, description="Replicas at peak.")


class Placement(Section):
    """Where a model runs, where the user wants to decide that."""

    pool: PoolName = Field(description="Name of a pool of this environment.")
    gpus: int = Field(
        default=1, ge=1, le=8, description="GPUs a stage of a replica spans (tensor parallel); 1 for a slice."
    )
    pipeline: int = Field(
        default=1, ge=1, le=8, description="Stages of a replica, each on its own GPUs (pipeline parallel)."
    )


class Model(Section):
    """One model as people ask for it. With `traffic`, the plan decides how many replicas do how much."""

    name: Name = Field(description="What clients put into `model`.")
    source: str = Field(description="Catalog id of the checkpoint, for example Qwen/Qwen2.5-7B-Instruct.")
    workload: Name | None = Field(
        default=None,
        description="Class of the catalog that the model serves, for example code; it gives what `traffic` "
        "and `slo` leave out.",
    )
    context_tokens: int = Field(ge=256, description="Longest request, prompt and output together, tokens.")
    traffic: Traffic | None = Field(
        default=None, description="What the model is asked; the number of replicas follows from it."
    )
    slo: Slo | None = Field(
        default=None,
        description="How fast it must answer; how much a replica takes on follows from it. Left out: that of "
        "the workload.",
    )
    precision: Precision = Field(
        default=Precision.AUTO,
        description="How the weights are stored; auto: 16 bits, fp8 or what the maker publishes.",
    )
    disaggregated: bool = Field(
        default=False, description="Whether prompts are read on other GPUs than answers are written on."
    )
    isolation: Isolation = Field(
        default=Isolation.SHARED, description="shared: nodes with other models; dedicated: nodes of its own."
    )
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Requests that one replica works on at the same time; left out: what the SLO allows, "
        "or 8 without traffic.",
    )
    replicas: Replicas | None = Field(
        default=None, description="Bounds of the number of replicas; left out: what the traffic needs."
    )
    adapters: tuple[Adapter, ...] = Field(default=(), description="LoRA adapters served on this base.")
    placement: Placement | Literal["auto"] = Field(
        default="auto", description="A pool to run on, or auto for the cheapest that will do."
    )
    engine: dict[str, JsonValue] = Field(
        default_factory=dict, description="vLLM engine arguments beyond those that the plan derives."
    )


class ChartSource(Section):
    """Where a Helm chart comes from: a repository, an OCI registry, or a folder."""

    chart: str = Field(description="Chart name in `repository`, an oci:// reference, or a folder.")
    repository: str | None = Field(default=None, description="Repository URL; only with a chart name.")
    version: str | None = Field(default=None, description="Chart version; not with a folder.")


class Charts(Section):
    """The two charts of KubeRay. Resource definitions come apart, so that they can be upgraded."""

    kuberay_crds: ChartSource = Field(
        default=ChartSource(chart="./charts/kuberay-crds"),
        description="Custom resource definitions as templates; `make charts` writes this folder.",
    )
    kuberay_operator: ChartSource = Field(
        default=ChartSource(
            chart="kuberay-operator",
            repository="https://ray-project.github.io/kuberay-helm",
            version="1.6.1",
        ),
        description="The operator itself.",
    )


class Images(Section):
    """Container images, so that a mirror can stand in for the public registries."""

    ray: str = Field(
        default="docker.io/rayproject/ray-llm:2.60.0-py312-cu130",
        description="Ray with the LLM extra, head and workers.",
    )
    ray_arm64: str | None = Field(
        default=None,
        description="The same for workers on arm64 nodes (GB200, GB300); left out, the plan makes none.",
    )
    device_plugin: str = Field(
        default="nvcr.io/nvidia/k8s-device-plugin:v0.17.4", description="NVIDIA device plugin."
    )


class Governance(Section):
    """What the organisation allows."""

    licences: tuple[str, ...] = Field(
        default=("apache-2.0", "mit"), description="Licence ids under which models may be served."
    )


class Budget(Section):
    """What the environment may cost."""

    usd_per_hour: float = Field(gt=0, description="List price of all nodes at peak, USD an hour.")


class Environment(Section):
    """One environment: which models serve which people, on what, under which rules."""

    region: str = Field(pattern=r"^[a-z0-9]{3,32}$", description="Azure region, for example swedencentral.")
    storage_account: str = Field(
        pattern=r"^[a-z0-9]{3,24}$",
        description="Storage account of weights and adapters, a name that nobody else in Azure has.",
    )
    tags: dict[str, Tag] = Field(default_factory=dict, description="Tags on every Azure resource.")
    network: Network = Field(default=Network(), description="Address ranges.")
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
    charts: Charts = Field(default=Charts(), description="Sources of Helm charts.")
    images: Images = Field(default=Images(), description="Container images.")
    governance: Governance = Field(default=Governance(), description="What is allowed.")
    budget: Budget | None = Field(default=None, description="What it may cost.")

    @property
    def listed_pools(self) -> tuple[GpuPool, ...]:
        """The pools that the environment names itself."""
        return () if self.pools == "auto" else self.pools

    @property
    def may_add_pools(self) -> bool:
        """Whether the plan may make pools of its own."""
        return self.pools == "auto" or self.new_pools
