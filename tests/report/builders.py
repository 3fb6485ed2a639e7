"""Parts of plans, made by hand, so that no report hangs on what the planner chooses."""

from collections.abc import Iterable
from typing import Any

from inference_stack.planner import (
    Accelerator,
    AdapterSaving,
    Amount,
    ColdStart,
    Duration,
    Fleet,
    MemoryBudget,
    ModelCost,
    PackedNode,
    PackedUnit,
    PlannedModel,
    PlannedPool,
    PlannedTraffic,
    PredictedSpeed,
    Price,
    QuotaUse,
    Range,
    Rejected,
    RunnerUp,
    Tenant,
    TokenPrice,
    WorkerSize,
)
from inference_stack.spec import (
    Environment,
    Isolation,
    Mig,
    MigProfile,
    Nodes,
    Precision,
    Priority,
    Slo,
    load,
)

TRAFFIC = PlannedTraffic(
    requests_per_second=2, peak_requests_per_second=6, prompt_tokens=1200, output_tokens=300
)
REJECTED = (
    Rejected(
        limit="memory",
        best="1 × 1g.12gb of H100-NVL-94GB, bf16",
        what="15.3 GiB of weights, 10.8 GiB there",
        count=4,
    ),
    Rejected(
        limit="price",
        best="1 × H100-NVL-94GB, bf16",
        what="6.98 USD an hour instead of 3.49",
        count=31,
    ),
)
RUNNER_UP = RunnerUp(
    what="1 × A100-PCIe-80GB of Standard_NC24ads_A100_v4, bf16",
    sku="Standard_NC24ads_A100_v4",
    usd_per_hour=3.67,
    more_usd_per_hour=0.36,
)
WORKER = WorkerSize(cpu=16, memory_gib=120, shm_gib=24)


def environment(**changed: Any) -> Environment:
    asked: dict[str, Any] = {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "models": [
            {"name": "copilot", "source": "Qwen/Qwen3-8B", "context_tokens": 8192, "replicas": {"max": 1}}
        ],
        "budget": {"usd_per_hour": 90},
    }
    return load(asked | changed, file="Pulumi.test.yaml")


def near(value: float, off: float = 0.25) -> Range:
    return Range(value=value, low=value * (1 - off), high=value * (1 + off))


def memory(usable: float, weights: float, adapters: float = 0, draft: float = 0) -> MemoryBudget:
    kv = usable - weights - adapters - draft - 2.4
    return MemoryBudget(
        usable_gib=usable,
        weights_gib=weights,
        activation_gib=1.2,
        non_torch_gib=0.5,
        cudagraph_gib=0.7,
        adapters_gib=adapters,
        draft_gib=draft,
        kv_gib=kv,
        kv_low_gib=kv - 0.4,
        kv_high_gib=kv + 0.4,
        kv_tokens=int(kv * 7000),
        max_concurrency=kv * 7000 / 8192,
    )


def speed(ttft: float, tpot: float, concurrency: int) -> PredictedSpeed:
    return PredictedSpeed(
        concurrency=concurrency,
        prompt_tokens=1200,
        output_tokens=300,
        ttft_ms=near(ttft, 0.35),
        tpot_ms=near(tpot, 0.15),
        output_tok_s=near(concurrency * 300 / (ttft + 300 * tpot) * 1000, 0.15),
        requests_per_second=concurrency / (ttft + 300 * tpot) * 1000,
        requests_per_second_alone=1.5 / (ttft + 300 * tpot) * 1000,
        calibration="41 rows of 3 sources: Hopper, bf16",
    )


def pool(
    name: str,
    sku: str,
    gpu: str,
    *,
    per_node: int,
    gib: float,
    usd: float | None,
    nodes: Nodes,
    profile: str | None = None,
    per_gpu: int = 1,
    used: int | None = None,
    **changed: Any,
) -> PlannedPool:
    mig = Mig(profile=MigProfile("MIG" + profile.split(".")[0])) if profile else None
    return PlannedPool(
        name=name,
        sku=sku,
        arch="amd64",
        mig=mig,
        nodes=nodes,
        accelerator=Accelerator(
            gpu=gpu,
            ray_type="H100",
            profile=profile,
            resource="nvidia.com/gpu",
            per_node=per_node,
            per_gpu=per_gpu,
            memory_gib=gib,
        ),
        priority=Priority.REGULAR,
        spot_max_price=None,
        zones=(),
        os_disk_gb=512,
        usd_per_node_hour=usd,
        nodes_used=nodes.max if used is None else used,
        **changed,
    )


def model(name: str, checkpoint: str, where: PlannedPool, weights: float, **changed: Any) -> PlannedModel:
    units = changed.get("units", 1)
    share = changed.get("share", 1.0)
    usable = where.accelerator.memory_gib * share * 0.92
    fields: dict[str, Any] = {
        "name": name,
        "source": checkpoint,
        "checkpoint": checkpoint,
        "precision": Precision.BF16,
        "workload": None,
        "licence": "apache-2.0",
        "pool": where.name,
        "units": units,
        "tensor_parallel": units,
        "pipeline_parallel": 1,
        "isolation": Isolation.SHARED,
        "traffic": TRAFFIC,
        "slo": Slo(ttft_ms=800, tpot_ms=40),
        "replicas_min": 0,
        "replicas_expected": 1,
        "replicas_max": 2,
        "context_tokens": 8192,
        "concurrency": 24,
        "full_context_requests": 12,
        "adapters": (),
        "engine": {"max_model_len": 8192, "max_num_seqs": 24, "gpu_memory_utilization": 0.92},
        "memory": memory(usable, weights, 0.8 if changed.get("adapters") else 0),
        "speed": speed(310, 24, 24),
        "bottleneck": "decode bandwidth",
        "usd_per_hour": 3.49,
        "cost": cost(0.62, 0.31, 1.24),
        "cold_start": COLD,
        "rejected": REJECTED,
        "runner_up": RUNNER_UP,
        "worker": WORKER,
    }
    return PlannedModel(**(fields | changed))


def packed(where: PlannedPool, nodes: Iterable[list[list[list[Tenant]]]]) -> tuple[PackedNode, ...]:
    """Nodes as lists of GPUs, a GPU as a list of its units, a unit as a list of its tenants."""
    return tuple(
        PackedNode(
            pool=where.name,
            node=index,
            units=tuple(
                PackedUnit(gpu=gpu, slot=slot, tenants=tuple(tenants))
                for gpu, units in enumerate(node)
                for slot, tenants in enumerate(units)
            ),
        )
        for index, node in enumerate(nodes)
    )


def tenant(name: str, replica: int, share: float = 1.0, **changed: Any) -> Tenant:
    return Tenant(model=name, replica=replica, share=share, **changed)


def price(idle: float, expected: float, peak: float, rates: dict[str, float]) -> Price:
    return Price(
        idle=Amount(usd_per_hour=idle),
        expected=Amount(usd_per_hour=expected),
        peak=Amount(usd_per_hour=peak, reserved_1y_usd_per_hour=peak * 0.6, spot_usd_per_hour=peak * 0.3),
        usd_per_node_hour=rates | {"Standard_D4ds_v5": 0.226, "Standard_D8ds_v5": 0.452},
        unpriced=(),
        unverified=("Standard_D4ds_v5", "Standard_D8ds_v5"),
    )


def cost(used: float, read: float, written: float, **changed: Any) -> ModelCost:
    return ModelCost(
        usd_per_hour=2.9,
        list_usd_per_hour=2.9,
        input_share=0.2,
        at_traffic=TokenPrice(input=near(read), output=near(written)),
        at_full=TokenPrice(input=near(read / 3), output=near(written / 3)),
        utilization_expected=near(used, 0.2),
        utilization_peak=near(min(0.8, used * 2), 0.2),
        **changed,
    )


def seconds(typical: float) -> Duration:
    return Duration(low=typical / 2, typical=typical, high=typical * 2)


COLD = ColdStart(
    node=seconds(240),
    image=seconds(90),
    weights=seconds(12),
    engine=seconds(50),
    graphs=seconds(20),
    start_budget_s=900,
    sources={"node": "AKS, public reports"},
)
TOGETHER = Fleet(replicas=2, nodes=1, usd_per_hour=6.98)
APART = Fleet(replicas=8, nodes=4, usd_per_hour=27.92)
SAVING = AdapterSaving(
    deployments=4,
    together_expected=TOGETHER,
    apart_expected=APART,
    together_peak=TOGETHER,
    apart_peak=APART,
    ratio_expected=4.0,
    ratio_peak=2.0,
)
QUOTA = (
    QuotaUse(
        family="cores",
        granted=None,
        vcpus_peak=412,
        vcpus_node_upgrade=500,
        vcpus_service_upgrade=480,
        gpus_peak=8,
        gpus_upgrading=11,
    ),
    QuotaUse(
        family="standardNCadsH100v5Family",
        granted=400,
        vcpus_peak=320,
        vcpus_node_upgrade=400,
        vcpus_service_upgrade=360,
        gpus_peak=8,
        gpus_upgrading=10,
    ),
)
