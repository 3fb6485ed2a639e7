"""Plans for reports to tell: a small one in which not everything is well, and a large one."""

from typing import Any

from inference_stack.planner import EdgeModel, Link, Plan, PlannedModel, PlannedPrefill, Tenant
from inference_stack.spec import Finding, Nodes, Precision, Severity
from tests.report.builders import (
    QUOTA,
    SAVING,
    WORKER,
    cost,
    environment,
    memory,
    model,
    near,
    packed,
    pool,
    price,
    speed,
    tenant,
)

WARNING = Finding(
    code="concurrency-exceeds-memory",
    severity=Severity.WARNING,
    path="models[0].concurrency",
    given="40",
    what="requests of 8192 tokens do not all find room: 31 do, others wait | queue",
    allowed="at most 31 without waiting",
    remedy="lower it, or take engine.kv_cache_dtype: fp8",
    line=44,
)
NOTE = Finding(
    code="price-unverified",
    severity=Severity.NOTE,
    path="pools",
    what="has prices that are old or unconfirmed: Standard_D4ds_v5",
    line=19,
)

NC40: dict[str, Any] = {"sku": "Standard_NC40ads_H100_v5", "gpu": "H100-NVL-94GB", "usd": 6.98}
NC80: dict[str, Any] = {"sku": "Standard_NC80adis_H100_v5", "gpu": "H100-NVL-94GB", "usd": 17.64}

SLICES = pool(
    "slices", **NC40, profile="3g.47gb", per_node=2, per_gpu=2, gib=46.1, nodes=Nodes(max=4), used=2
)
LARGE = pool(
    "large",
    **NC80,
    per_node=2,
    gib=93.1,
    nodes=Nodes(min=1, max=3, reason="Customers do not wait."),
    used=2,
)
RATES = {"Standard_NC40ads_H100_v5": 6.98, "Standard_NC80adis_H100_v5": 17.64}


def small() -> Plan:
    """Two models on two pools: slices with a free one, and replicas over two GPUs."""
    copilot = model(
        "copilot",
        "Qwen/Qwen3-8B",
        SLICES,
        15.3,
        adapters=("legal", "hr", "finance", "engineering"),
        replicas_max=3,
        cost=cost(0.62, 0.31, 1.24, adapters=SAVING),
    )
    assistant = model(
        "assistant",
        "Qwen/Qwen3-32B",
        LARGE,
        30.5,
        units=2,
        speed=speed(790, 47, 10),
        bottleneck="memory",
        cost=cost(0.31, 1.4, 5.2),
    )
    slices = [
        [[[tenant("copilot", 0)], [tenant("copilot", 1)]]],
        [[[tenant("copilot", 2)], []]],
    ]
    pairs = [[[[tenant("assistant", replica)]] for _ in range(2)] for replica in range(2)]
    return Plan(
        name="prod",
        environment=environment(),
        pools=(SLICES, LARGE),
        models=(copilot, assistant),
        packing=(*packed(SLICES, slices), *packed(LARGE, pairs)),
        price=price(19.22, 44.1, 84.68, RATES),
        quota=QUOTA,
        findings=(WARNING, NOTE),
    )


TINY = pool("tiny", **NC40, profile="1g.12gb", per_node=7, per_gpu=7, gib=10.8, nodes=Nodes(max=2))
THIRDS = pool("thirds", **NC40, profile="2g.24gb", per_node=3, per_gpu=3, gib=22.0, nodes=Nodes(max=3))
WHOLE = pool("whole", **NC40, per_node=1, gib=93.1, nodes=Nodes(max=4))
H100 = pool(
    "h100", "Standard_ND96isr_H100_v5", "H100-SXM-80GB", per_node=8, gib=79.1, usd=98.32, nodes=Nodes(max=2)
)
H200 = pool(
    "h200", "Standard_ND96isr_H200_v5", "H200-SXM-141GB", per_node=8, gib=139.8, usd=84.8, nodes=Nodes(max=1)
)
EDGE_MODEL = EdgeModel(
    name="kiosk",
    source="google/gemma-3-4b-it",
    artefact="GGUF Q4_K_M",
    artefact_gib=2.3,
    runtime="llama.cpp (CPU, Metal)",
    memory_gib=3.6,
    licence="gemma",
)
FRONTIER = "customer-facing-frontier-chat"
"""A name as long as may be."""


def large() -> Plan:
    """Twenty models: slices of two sizes, halves of a card, four GPUs a replica, disaggregated serving."""
    pools = (TINY, THIRDS, WHOLE, H100, H200)
    return Plan(
        name="company",
        environment=environment(budget=None),
        pools=pools,
        models=(*_small_models(), *_large_models()),
        edge=(EDGE_MODEL,),
        packing=tuple(node for where in pools for node in packed(where, _nodes()[where.name])),
        price=price(12.0, 190.5, 402.17, {each.sku: each.usd_per_node_hour or 0 for each in pools}),
        findings=(WARNING, *_notes()),
    )


def _notes() -> list[Finding]:
    note = Finding(code="memory-unverified", severity=Severity.NOTE, path="", what="counts on 10.8 GiB")
    return [note.at(f"models[{index}].placement") for index in range(12)]


def _small_models() -> list[PlannedModel]:
    qwen, gemma = "Qwen/Qwen2.5-7B-Instruct", "google/gemma-3-4b-it"
    taggers = [model(f"tagger-{i}", gemma, TINY, 4.4, precision=Precision.INT4) for i in range(6)]
    return taggers + [model(f"copilot-{i}", qwen, THIRDS, 14.2, adapters=("one", "two")) for i in range(4)]


def _large_models() -> list[PlannedModel]:
    fp8 = {"precision": Precision.FP8}
    mistral, llama = "mistralai/Mistral-Small-3.2-24B-Instruct-2506", "meta-llama/Llama-3.3-70B-Instruct"
    frontier = model(
        FRONTIER,
        "deepseek-ai/DeepSeek-V3.1-Terminus",
        H200,
        80,
        units=4,
        replicas_max=1,
        prefill=_prefill(),
        speed=speed(900, 32, 64),
        runner_up=None,
        usd_per_hour=None,
    )
    return [
        *(model(f"half-{i}", mistral, WHOLE, 23.4, share=0.5, **fp8) for i in range(4)),
        *(model(f"single-{i}", "Qwen/Qwen3-32B", WHOLE, 32.0, **fp8) for i in range(2)),
        *(model(f"wide-{i}", llama, H100, 34.0, units=4, replicas_max=1) for i in range(3)),
        frontier,
    ]


def _prefill() -> PlannedPrefill:
    return PlannedPrefill(
        pool="h200",
        units=4,
        tensor_parallel=4,
        pipeline_parallel=1,
        replicas_min=0,
        replicas_max=1,
        concurrency=4,
        engine={},
        memory=memory(128, 80),
        ttft_ms=near(600),
        worker=WORKER,
        link=Link(gib_per_request=0.4, needed_gb_s=2.1, available_gb_s=5, path="Ethernet", transfer_ms=9),
    )


def _nodes() -> dict[str, list[list[list[list[Tenant]]]]]:
    taggers = [[tenant(f"tagger-{i}", replica)] for i in range(6) for replica in range(2)]
    copilots = [[tenant(f"copilot-{i}", replica)] for i in range(4) for replica in range(2)]
    halves = [[tenant(f"half-{i}", 0, 0.5), tenant(f"half-{i + 1}", 0, 0.5)] for i in (0, 2)]
    singles = [[tenant(f"single-{i}", 0)] for i in range(2)]
    wide = [[[tenant(f"wide-{i}", 0)]] for i in range(3) for _ in range(4)]
    reads, writes = tenant(FRONTIER, 0, role="prefill"), tenant(FRONTIER, 0)
    return {
        "tiny": [[taggers[:7]], [[*taggers[7:], [], []]]],
        "thirds": [[copilots[:3]], [copilots[3:6]], [[*copilots[6:], []]]],
        "whole": [[[unit]] for unit in (*halves, *singles)],
        "h100": [wide[:8], [*wide[8:], [[]], [[]], [[]], [[]]]],
        "h200": [[[[writes]]] * 4 + [[[reads]]] * 4],
    }
