"""What follows from an environment: the one object that components, report and policies read."""

from pydantic import Field, JsonValue

from inference_stack.spec import Environment, Finding, Mig, Nodes, Priority

from .planned import Planned


class Accelerator(Planned):
    """What one unit of a pool is to a pod: a whole GPU or a MIG slice."""

    gpu: str = Field(description="GPU model of the catalog, for example H100-NVL-94GB.")
    ray_type: str | None = Field(description="Ray's accelerator_type, for example H100; None if none.")
    profile: str | None = Field(description="NVIDIA's name of the slice (2g.24gb); None for a whole GPU.")
    resource: str = Field(description="Kubernetes resource that a pod requests, for example nvidia.com/gpu.")
    per_node: int = Field(description="Units that one node offers.")
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


class MemoryBudget(Planned):
    """How the memory of one unit is spent, GiB. Coarse: see `planner.coarse_memory` for what each part assumes.

    The parts add up to `usable_gib`, unless they exceed it: then nothing is left and `kv_gib` is zero.
    """

    usable_gib: float = Field(description="What vLLM may take: memory × gpu_memory_utilization.")
    weights_gib: float
    overhead_gib: float = Field(description="Activations, CUDA graphs and the runtime.")
    adapters_gib: float
    margin_gib: float = Field(description="Kept free, because the other parts are estimates.")
    kv_gib: float = Field(description="What is left for the KV cache.")
    kv_bytes_per_token: int = Field(description="What one token takes on one unit, bytes.")
    kv_tokens: int = Field(description="Tokens that the KV cache of one replica holds.")


class WorkerSize(Planned):
    """What one worker pod requests and may use: its share of a node beside the accelerators."""

    cpu: int = Field(description="Cores.")
    memory_gib: int
    shm_gib: int = Field(description="Shared memory for the processes of a replica, part of memory_gib.")


class PlannedModel(Planned):
    """A model placed on a pool. One replica is one worker pod with `units` accelerators."""

    name: str
    source: str
    licence: str
    pool: str
    units: int = Field(description="Units that one replica spans: tensor parallel.")
    replicas_min: int
    replicas_max: int
    context_tokens: int = Field(description="Longest request, prompt and output together.")
    concurrency: int = Field(description="Requests that one replica works on at the same time.")
    full_context_requests: int = Field(description="Of those, how many may have the longest context.")
    adapters: tuple[str, ...]
    engine: dict[str, JsonValue] = Field(description="vLLM engine arguments, derived and given.")
    memory: MemoryBudget
    worker: WorkerSize


class Price(Planned):
    """List price of all nodes, USD an hour."""

    idle_usd_per_hour: float
    peak_usd_per_hour: float
    usd_per_node_hour: dict[str, float] = Field(description="What one node of each priced size costs.")
    unpriced: tuple[str, ...] = Field(description="Sizes without a known price, left out of the sums.")
    unverified: tuple[str, ...] = Field(description="Sizes whose price is old or unconfirmed.")


class Plan(Planned):
    """Everything that `pulumi up` will make, decided."""

    name: str = Field(description="Name of the environment, which is the name of the stack.")
    environment: Environment
    pools: tuple[PlannedPool, ...]
    models: tuple[PlannedModel, ...]
    price: Price
    findings: tuple[Finding, ...] = Field(description="Warnings and notes; errors never reach a plan.")
