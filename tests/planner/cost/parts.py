"""Parts of a plan, made by hand: what they cost must not depend on what the planner chooses."""

from typing import Any

from inference_stack.planner import (
    Accelerator,
    MemoryBudget,
    PlannedModel,
    PlannedPool,
    PlannedPrefill,
    PredictedSpeed,
    Range,
    WorkerSize,
)
from inference_stack.planner.plan import Link, PlannedTraffic
from inference_stack.spec import Environment, Isolation, Nodes, Precision, Priority, Slo, load

NC40 = "Standard_NC40ads_H100_v5"
NC80 = "Standard_NC80adis_H100_v5"
RATES = {NC40: 6.98, NC80: 17.64}
WORKER = WorkerSize(cpu=4, memory_gib=40, shm_gib=8)
MEMORY = MemoryBudget(
    usable_gib=80, weights_gib=15, activation_gib=1, non_torch_gib=0.5, cudagraph_gib=0.5, adapters_gib=0,
    draft_gib=0, kv_gib=60, kv_low_gib=59, kv_high_gib=61, kv_tokens=400_000, max_concurrency=48,
)  # fmt: skip
EXISTING = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers"
    "/Microsoft.ContainerService/managedClusters/old/agentPools/gpus"
)


def pool(name: str = "large", sku: str = NC40, per_node: int = 1, **changes: Any) -> PlannedPool:
    """A pool of H100 NVL; `least` and `most` nodes."""
    least, most = changes.pop("least", 0), changes.pop("most", 4)
    fields: dict[str, Any] = {
        "name": name,
        "sku": sku,
        "arch": "amd64",
        "accelerator": Accelerator(
            gpu="H100-NVL-94GB", ray_type="H100", profile=None, resource="nvidia.com/gpu",
            per_node=per_node, memory_gib=93.1,
        ),
        "mig": None,
        "nodes": Nodes(min=least, max=most, reason="customers do not wait" if least else None),
        "priority": Priority.REGULAR,
        "spot_max_price": None,
        "zones": (),
        "os_disk_gb": 512,
        "usd_per_node_hour": RATES.get(sku),
    }  # fmt: skip
    return PlannedPool(**fields | changes)


def speed(requests_per_second: float = 2.0, off: float = 0.2) -> PredictedSpeed:
    """Of one replica: 300 tokens a request."""
    tokens = 300 * requests_per_second
    return PredictedSpeed(
        concurrency=16,
        prompt_tokens=1200,
        output_tokens=300,
        ttft_ms=Range(value=300, low=200, high=450),
        tpot_ms=Range(value=25, low=20, high=30),
        output_tok_s=Range(value=tokens, low=tokens * (1 - off), high=tokens * (1 + off)),
        requests_per_second=requests_per_second,
        requests_per_second_alone=requests_per_second / 8,
        calibration="made by hand",
    )


def model(name: str = "copilot", pool: str = "large", **changes: Any) -> PlannedModel:
    """A model with `mean` and `peak` requests a second, of which a replica completes two."""
    mean, peak = changes.pop("mean", 3.0), changes.pop("peak", 6.0)
    fields: dict[str, Any] = {
        "name": name,
        "source": "Qwen/Qwen3-8B",
        "checkpoint": "Qwen/Qwen3-8B",
        "precision": Precision.BF16,
        "workload": None,
        "licence": "apache-2.0",
        "pool": pool,
        "units": 1,
        "tensor_parallel": changes.get("units", 1),
        "pipeline_parallel": 1,
        "isolation": Isolation.SHARED,
        "traffic": PlannedTraffic(
            requests_per_second=mean, peak_requests_per_second=peak, prompt_tokens=1200, output_tokens=300
        ),
        "slo": Slo(ttft_ms=800, tpot_ms=40),
        "replicas_min": 0,
        "replicas_expected": 2,
        "replicas_max": 4,
        "context_tokens": 8192,
        "concurrency": 16,
        "full_context_requests": 48,
        "adapters": (),
        "engine": {"max_model_len": 8192, "max_num_seqs": 16},
        "memory": MEMORY,
        "speed": speed(),
        "bottleneck": "decode bandwidth",
        "usd_per_hour": None,
        "rejected": (),
        "runner_up": None,
        "worker": WORKER,
    }
    return PlannedModel(**fields | changes)


def prefill(pool: str = "readers", **changes: Any) -> PlannedPrefill:
    """Replicas that only read prompts."""
    fields: dict[str, Any] = {
        "pool": pool,
        "units": 1,
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
        "replicas_min": 0,
        "replicas_max": 2,
        "concurrency": 4,
        "engine": {},
        "memory": MEMORY,
        "ttft_ms": Range(value=300, low=200, high=450),
        "worker": WORKER,
        "link": Link(gib_per_request=0.2, needed_gb_s=1, available_gb_s=5, path="Ethernet", transfer_ms=40),
    }
    return PlannedPrefill(**fields | changes)


def environment(**changes: Any) -> Environment:
    """A small one, with room for heads."""
    asked: dict[str, Any] = {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "cluster": {
            "system": {"sku": "Standard_D4ds_v5", "nodes": {"min": 1, "max": 3}},
            "heads": {"sku": "Standard_D8ds_v5", "nodes": {"min": 0, "max": 2}},
        },
        "models": [
            {
                "name": "copilot",
                "source": "Qwen/Qwen3-8B",
                "context_tokens": 8192,
                "replicas": {"max": 1},
            }
        ],
    }
    return load(asked | changes, file="Pulumi.test.yaml")
