"""What may be asked: one environment, the key `inference-stack:environment` of `Pulumi.<env>.yaml`."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
"""Lower case, digits and dashes, beginning with a letter: valid as a Kubernetes name and as a URL part."""

PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,6}$")]
"""At most seven characters: AKS allows twelve, and five carry a hash of what cannot be changed in place."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Gigabytes = Annotated[int, Field(ge=30, le=2048)]


class Unparsed(AttributeError):  # noqa: N818 - named for what it says
    """Somebody asked for a part of an environment that could not be read."""


class Section(BaseModel):
    """A part of the environment. Immutable; a key that it does not know is an error.

    `spec.parse` also makes incomplete sections, so that one run finds every fault: a field that could not be
    read is absent, and asking for it raises Unparsed. A rule that asks has then nothing to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Called only for what is absent."""
            if name in type(self).model_fields:
                raise Unparsed(name)
            return super().__getattr__(name)


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
    """One AKS node pool with GPUs, born at its minimum and moved by the autoscaler."""

    name: PoolName = Field(description="Name of the pool in this file, at most 7 characters.")
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
        default=1, ge=1, le=8, description="GPUs a replica spans (tensor parallel); 1 for a MIG slice."
    )


class Model(Section):
    """One model as people ask for it."""

    name: Name = Field(description="What clients put into `model`.")
    source: str = Field(description="Catalog id of the checkpoint, for example Qwen/Qwen2.5-7B-Instruct.")
    context_tokens: int = Field(ge=256, description="Longest request, prompt and output together, tokens.")
    concurrency: int = Field(
        default=8, ge=1, le=1024, description="Requests that one replica works on at the same time."
    )
    replicas: Replicas = Field(description="Bounds of the number of replicas.")
    adapters: tuple[Adapter, ...] = Field(default=(), description="LoRA adapters served on this base.")
    placement: Placement | Literal["auto"] = Field(
        default="auto", description="A pool to run on, or auto for the cheapest declared pool that fits."
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
    pools: tuple[GpuPool, ...] = Field(min_length=1, description="GPU node pools.")
    models: tuple[Model, ...] = Field(min_length=1, description="Models to serve.")
    charts: Charts = Field(default=Charts(), description="Sources of Helm charts.")
    images: Images = Field(default=Images(), description="Container images.")
    governance: Governance = Field(default=Governance(), description="What is allowed.")
    budget: Budget | None = Field(default=None, description="What it may cost.")
