"""What follows from an environment: the one object that components, report and policies read."""

from typing import Literal

from pydantic import Field, JsonValue

from inference_stack.spec import (
    Environment,
    Finding,
    Isolation,
    Mig,
    Nodes,
    Precision,
    Priority,
    Slo,
)

from .bill import ModelCost, Price, QuotaUse, Range
from .planned import Planned
from .startup import ColdStart

Bottleneck = Literal[
    "decode bandwidth", "decode compute", "prefill compute", "memory", "interconnect", "overhead"
]
"""What a replica runs out of first."""

Strategy = Literal["NewCluster", "None"]
"""How KubeRay takes over a change of a service's pods: with a second cluster beside the first, or not at all.

A third one, NewClusterWithIncrementalUpgrade, is never planned: docs/operations/upgrades.md says why.
"""

Origin = Literal["listed", "existing", "made"]
"""Listed by the environment and made with it; there already; or added by the plan."""


def cluster_of(agent_pool: str) -> str:
    """ARM id of the cluster that a node pool lies in, from the pool's own."""
    return agent_pool.rsplit("/", maxsplit=2)[0]


class Accelerator(Planned):
    """What one unit of a pool is to a pod: a whole GPU or a MIG slice."""

    gpu: str = Field(description="GPU model of the catalog, for example H100-NVL-94GB.")
    ray_type: str | None = Field(description="Ray's accelerator_type, for example H100; None if none.")
    profile: str | None = Field(description="NVIDIA's name of the slice (2g.24gb); None for a whole GPU.")
    resource: str = Field(description="Kubernetes resource that a pod requests, for example nvidia.com/gpu.")
    per_node: int = Field(description="Units that one node offers.")
    per_gpu: int = Field(default=1, description="Units that one GPU offers: slices, or 1.")
    memory_gib: float = Field(description="Memory that a process can use on one unit, GiB.")


class PlannedPool(Planned):
    """A GPU node pool."""

    name: str
    sku: str
    arch: str = Field(description="amd64 or arm64.")
    accelerator: Accelerator
    mig: Mig | None
    nodes: Nodes
    priority: Priority
    spot_max_price: float | None
    zones: tuple[str, ...]
    os_disk_gb: int
    usd_per_node_hour: float | None = Field(description="List price; None where none is known.")
    origin: Origin = "listed"
    existing: str | None = Field(default=None, description="ARM id of the pool, where it is there already.")
    taints: tuple[str, ...] = Field(
        default=(), description="Taints of an existing pool, beside that of Spot, that its pods tolerate."
    )
    capacity_reservation: str | None = Field(
        default=None, description="ARM id of the group whose reserved nodes it takes first."
    )
    nodes_reserved: int = Field(
        default=0,
        description="Nodes of that group, paid for in any case; pools of one size share them.",
    )
    nodes_used: int = Field(default=0, description="Nodes that the models of the plan fill at peak.")

    @property
    def cluster(self) -> str | None:
        """ARM id of the other cluster that it lies in; None for that of the environment."""
        return self.existing and cluster_of(self.existing)

    @property
    def marginal_usd_per_node_hour(self) -> float | None:
        """What one more node costs: nothing where somebody pays for it anyway."""
        return 0.0 if self.existing else self.usd_per_node_hour


class MemoryBudget(Planned):
    """How the memory of one unit is spent, GiB: the fullest of the replica.

    The parts add up to `usable_gib`, unless they exceed it: then nothing is left and `kv_gib` is zero.
    """

    usable_gib: float = Field(description="What vLLM may take: memory × gpu_memory_utilization.")
    weights_gib: float
    activation_gib: float = Field(description="Peak of the profiling run.")
    non_torch_gib: float = Field(description="CUDA context, NCCL and what else torch does not see.")
    cudagraph_gib: float = Field(description="CUDA graphs.")
    adapters_gib: float = Field(description="Slots of LoRA adapters.")
    draft_gib: float = Field(description="A draft model with its own cache.")
    kv_gib: float = Field(description="What is left for the KV cache.")
    kv_low_gib: float = Field(description="Least that may be left, as far off as the estimate has been.")
    kv_high_gib: float = Field(description="Most that may be left.")
    kv_tokens: int = Field(description="Tokens that the KV cache of one replica holds.")
    max_concurrency: float = Field(description="Requests of the longest context that fit at once.")

    @property
    def overhead_gib(self) -> float:
        """What is neither weights nor adapters nor cache."""
        return self.activation_gib + self.non_torch_gib + self.cudagraph_gib + self.draft_gib


class PlannedTraffic(Planned):
    """What a model is asked, with what its workload says where the environment does not."""

    requests_per_second: float
    peak_requests_per_second: float | None = Field(default=None, description="None where no peak is said.")
    prompt_tokens: int
    output_tokens: int
    shared_prefix: float = Field(default=0.0, description="Part of a prompt that earlier requests had too.")

    @property
    def peak(self) -> float:
        """Requests a second that the plan is made for."""
        return self.peak_requests_per_second or self.requests_per_second


class PredictedSpeed(Planned):
    """How fast one replica is under the load that it is planned for."""

    concurrency: int = Field(description="Requests at work at the same time.")
    prompt_tokens: int
    output_tokens: int
    ttft_ms: Range
    tpot_ms: Range
    output_tok_s: Range = Field(description="Of the whole replica.")
    requests_per_second: float = Field(description="What one replica completes at this concurrency.")
    requests_per_second_alone: float = Field(description="What it completes with one request at a time.")
    calibration: str = Field(description="Which measurements stand behind it.")


class Rejected(Planned):
    """Ways to run a model that will not do, those with the same reason together."""

    limit: str = Field(
        description="What forbids them: memory, context, ttft, tpot, bandwidth, quota, region, price …"
    )
    best: str = Field(description="The one that comes nearest, in words.")
    what: str = Field(description="By how much it misses, with the figures that decide.")
    count: int = Field(description="How many ways fall to this limit.")


class RunnerUp(Planned):
    """What would have been taken if the chosen way were not there."""

    what: str = Field(description="In words: 2 × H100-NVL-94GB of Standard_NC80adis_H100_v5, fp8.")
    sku: str
    usd_per_hour: float | None = Field(description="Share of its nodes at peak; None where nobody knows.")
    more_usd_per_hour: float | None = Field(description="What all nodes would cost more at peak with it.")


class WorkerSize(Planned):
    """What one worker pod requests and may use: its share of a node beside the accelerators."""

    cpu: int = Field(description="Cores.")
    memory_gib: int
    shm_gib: int = Field(description="Shared memory for the processes of a replica, part of memory_gib.")


class Link(Planned):
    """How the KV cache gets from where prompts are read to where answers are written."""

    gib_per_request: float = Field(description="KV cache of a mean prompt.")
    needed_gb_s: float = Field(description="At peak, between one prefill replica and its decode replicas.")
    available_gb_s: float | None = Field(description="What a replica's share of the path carries.")
    path: str = Field(description="Over which network.")
    transfer_ms: float | None = Field(description="What the transfer adds to the time to the first token.")


class PlannedPrefill(Planned):
    """The replicas that read prompts for a model whose own replicas only write."""

    pool: str
    units: int
    tensor_parallel: int
    pipeline_parallel: int
    replicas_min: int
    replicas_max: int
    concurrency: int
    engine: dict[str, JsonValue]
    memory: MemoryBudget
    ttft_ms: Range
    worker: WorkerSize
    link: Link


class PlannedModel(Planned):
    """A model placed on a pool. One replica is one worker pod with `units` accelerators."""

    name: str
    source: str = Field(description="Catalog id that the environment asks for.")
    checkpoint: str = Field(description="Hub id of what is loaded: the source, or a quantized form of it.")
    weights: str | None = Field(
        default=None, description="Cloud folder that it is loaded from; None for the hub."
    )
    precision: Precision = Field(description="How its weights are stored.")
    workload: str | None
    licence: str
    pool: str
    units: int = Field(description="Units that one replica spans: tensor × pipeline parallel.")
    tensor_parallel: int
    pipeline_parallel: int
    share: float = Field(default=1.0, description="Part of a unit that a replica takes; 1 for all of it.")
    isolation: Isolation
    traffic: PlannedTraffic | None
    slo: Slo | None
    replicas_min: int
    replicas_expected: int = Field(description="Replicas that the mean traffic keeps at work.")
    replicas_max: int
    context_tokens: int = Field(description="Longest request, prompt and output together.")
    concurrency: int = Field(description="Requests that one replica works on at the same time.")
    full_context_requests: int = Field(description="Of those, how many may have the longest context.")
    adapters: tuple[str, ...]
    engine: dict[str, JsonValue] = Field(description="vLLM engine arguments, derived and given.")
    memory: MemoryBudget
    speed: PredictedSpeed | None = Field(description="None where nobody says what is asked of the model.")
    bottleneck: Bottleneck | None = Field(description="None where nobody says what is asked of the model.")
    usd_per_hour: float | None = Field(
        description="Its share of its nodes at peak, list price; 0 on existing nodes, None without a price."
    )
    cost: ModelCost | None = Field(default=None, description="At the mean traffic, and by token.")
    cold_start: ColdStart | None = Field(
        default=None, description="Until a replica answers that was not there."
    )
    rejected: tuple[Rejected, ...]
    runner_up: RunnerUp | None
    prefill: PlannedPrefill | None = Field(default=None, description="Only where disaggregated.")
    worker: WorkerSize
    routing: Literal["balanced", "prefix"] = Field(
        default="balanced", description="How a request finds its replica."
    )
    upgrade: Strategy = Field(
        default="NewCluster", description="How KubeRay takes over a change of its pods."
    )
    upgrade_why: str = Field(default="", description="Why so, in a sentence; empty in plans of old.")


class Tenant(Planned):
    """What fills a unit: a replica of a model, or its part there."""

    model: str
    replica: int = Field(description="Counted from 0 over the whole plan.")
    share: float = Field(description="Part of the unit that it may take.")
    role: Literal["serve", "prefill"] = "serve"


class PackedUnit(Planned):
    """A GPU or slice of a node, with what fills it; nobody where it is empty."""

    gpu: int = Field(description="Of the node, counted from 0.")
    slot: int = Field(description="Slice of the GPU, counted from 0; 0 for a whole GPU.")
    tenants: tuple[Tenant, ...]


class PackedNode(Planned):
    """One node at peak, with what fills each of its units."""

    pool: str
    node: int = Field(description="Of the pool, counted from 0.")
    units: tuple[PackedUnit, ...]


class EdgeModel(Planned):
    """A model that runs on devices, not in the cluster: what to ship and what it needs there."""

    name: str
    source: str
    artefact: str = Field(description="What to ship.")
    artefact_gib: float
    runtime: str
    memory_gib: float = Field(description="Artefact, KV cache of one user and runtime.")
    licence: str


class Plan(Planned):
    """Everything that `pulumi up` will make, decided."""

    name: str = Field(description="Name of the environment, which is the name of the stack.")
    environment: Environment
    pools: tuple[PlannedPool, ...]
    models: tuple[PlannedModel, ...]
    edge: tuple[EdgeModel, ...] = Field(default=(), description="Models for devices.")
    packing: tuple[PackedNode, ...] = Field(default=(), description="Every GPU node at peak.")
    price: Price
    quota: tuple[QuotaUse, ...] = Field(default=(), description="By family, the region's total first.")
    findings: tuple[Finding, ...] = Field(description="Warnings and notes; errors never reach a plan.")
