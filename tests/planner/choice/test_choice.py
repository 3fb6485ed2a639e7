"""What is chosen by more than price: isolation, quota, shared GPUs, prefill apart, devices, workloads."""

from typing import Any

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan
from inference_stack.spec import InvalidEnvironment
from tests.planner.choice.asking import (
    GB200,
    H100_ALONE,
    NC24_A100,
    NC40,
    ND_H100,
    asking,
    existing,
    placed,
    planned,
    size_of,
)

Asked = dict[str, Any]


def told(*models: Asked, **environment: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(*models, **environment)
    return [(finding.path, finding.code) for finding in raised.value.findings]


def tenants(plan: Plan) -> list[set[str]]:
    """Models that lie together on a node."""
    return [{tenant.model for unit in node.units for tenant in unit.tenants} for node in plan.packing]


def test_small_models_share_the_slices_of_one_node() -> None:
    plan = planned(asking(rate=0.2), asking("Qwen/Qwen3-8B", rate=0.2))
    assert [pool.nodes.max for pool in plan.pools] == [1]
    assert tenants(plan) == [{"m0", "m1"}]


def test_a_dedicated_model_has_nodes_of_its_own() -> None:
    plan = planned(asking(rate=0.2, isolation="dedicated"), asking("Qwen/Qwen3-8B", rate=0.2))
    assert sorted(map(len, tenants(plan))) == [1, 1]


def test_a_listed_pool_that_others_need_too_cannot_be_dedicated() -> None:
    pool = {"name": "one", "sku": NC40, "mig": {"profile": "MIG3g"}, "nodes": {"max": 2}}
    both = asking(rate=0.2, isolation="dedicated"), asking("Qwen/Qwen3-8B", rate=0.2)
    assert told(*both, pools=[pool]) == [("models[0].isolation", "pool-not-dedicated")]
    plan = planned(*both, pools=[pool, pool | {"name": "two"}])
    assert sorted(map(len, tenants(plan))) == [1, 1]


def test_what_a_quota_forbids_is_not_taken() -> None:
    assert size_of(asking(rate=1)) == NC40
    none = {"StandardNCadsH100v5Family": 0}
    assert size_of(asking(rate=1), quota=none) != NC40
    # Azure's services spell the family in several ways.
    assert size_of(asking(rate=1), quota={"standardncads h100v5 family": 0}) != NC40


def test_spot_pools_are_made_where_that_is_allowed_and_take_the_quota_of_spot() -> None:
    (pool,) = planned(asking(rate=1)).pools
    assert pool.priority == "Regular"
    (pool,) = planned(asking(rate=1), spot=True, quota={"StandardNCadsH100v5Family": 0}).pools
    assert (pool.priority, pool.sku) == ("Spot", NC40)
    assert told(asking(rate=1), spot=True, quota={"lowPriorityCores": 0}) == [
        ("models[0].placement", "nowhere-allowed")
    ]


def test_a_size_that_has_no_price_in_the_region_is_not_made_there() -> None:
    arm = {"arm64": True}
    asked = asking("deepseek-ai/DeepSeek-R1", ttft_ms=4000)
    no_h200 = {"standardNDISRH200V5Family": 0}
    assert size_of(asked, images=arm, quota=no_h200) == GB200
    assert size_of(asked, images=arm, quota=no_h200, region="swedencentral") != GB200
    model = placed(asked, images=arm, region="swedencentral")
    (told_,) = [each for each in model.rejected if each.limit == "region"]
    assert "swedencentral" in told_.what


def test_a_quota_that_no_choice_keeps_is_told_with_what_would_do() -> None:
    nodes = {"StandardNCadsH100v5Family": 40, "standardNDSH100v5Family": 0} | H100_ALONE
    asked = asking("Qwen/Qwen3-32B", rate=8, precision="bf16")
    assert told(asked, quota=nodes) == [('quota["StandardNCadsH100v5Family"]', "quota-exceeded")]
    assert size_of(asked, quota=nodes | {"StandardNCadsH100v5Family": 400}) == NC40


def test_dearer_places_are_looked_at_again_where_the_cheap_ones_have_no_room() -> None:
    small = {"StandardNCadsH100v5Family": 40}
    plan = planned(asking("Qwen/Qwen3-32B", rate=8, precision="bf16"), quota=small)
    assert all(pool.sku != NC40 for pool in plan.pools if pool.nodes.max > 1)


def test_nothing_is_made_beside_listed_pools_unless_it_is_allowed() -> None:
    pool = {"name": "one", "sku": NC40, "mig": {"profile": "MIG1g"}, "nodes": {"max": 1}}
    asked = asking("Qwen/Qwen3-32B")
    assert told(asked, pools=[pool]) == [("models[0].source", "fits-nowhere")]
    assert [each.origin for each in planned(asked, pools=[pool], new_pools=True).pools] == ["listed", "made"]


def test_an_slo_that_nothing_meets_is_told_with_what_comes_nearest() -> None:
    assert told(asking("meta-llama/Llama-3.3-70B-Instruct", tpot_ms=2)) == [
        ("models[0].slo.tpot_ms", "slo-out-of-reach")
    ]
    assert told(asking(ttft_ms=1)) == [("models[0].slo.ttft_ms", "slo-out-of-reach")]


def test_an_slo_that_only_the_middle_of_the_prediction_meets_is_noted() -> None:
    plan = planned(asking(rate=5, tpot_ms=30))
    (model,) = plan.models
    assert model.speed is not None
    assert model.speed.tpot_ms.value <= 30 < model.speed.tpot_ms.high
    assert ("models[0].slo.tpot_ms", "slo-at-risk") in {(each.path, each.code) for each in plan.findings}


def test_replicas_follow_from_the_traffic_by_littles_law() -> None:
    model = placed(asking("Qwen/Qwen3-32B", rate=10))
    speed = model.speed
    assert speed is not None
    seconds = (speed.ttft_ms.value + speed.tpot_ms.value * (speed.output_tokens - 1)) / 1000
    assert speed.requests_per_second == pytest.approx(model.concurrency / seconds)
    assert (model.replicas_max - 1) * 0.8 * speed.requests_per_second < 10
    assert model.replicas_max * 0.8 * speed.requests_per_second >= 10


def test_too_few_replicas_for_the_traffic_are_refused_and_enough_are_kept() -> None:
    pool = {"name": "one", "sku": NC40, "nodes": {"max": 9}}
    asked = asking("Qwen/Qwen3-32B", rate=10)
    needed = placed(asked, pools=[pool]).replicas_max
    assert needed > 1
    assert told(asked | {"replicas": {"max": needed - 1}}, pools=[pool]) == [
        ("models[0].replicas.max", "replicas-too-few")
    ]
    assert placed(asked | {"replicas": {"max": needed}}, pools=[pool]).replicas_max == needed


def test_a_shared_prefix_is_held_and_read_once() -> None:
    asked = asking("Qwen/Qwen3-8B", rate=20, prompt=4000, output=100)
    shared = asked | {"traffic": asked["traffic"] | {"shared_prefix": 0.9}}
    apart, together = placed(asked).usd_per_hour, placed(shared).usd_per_hour
    assert apart is not None
    assert together is not None
    assert together < apart


def test_a_made_pool_keeps_what_replicas_min_needs_and_says_why() -> None:
    (pool,) = planned(asking(rate=1, replicas={"min": 1, "max": 2})).pools
    assert (pool.nodes.min, pool.origin) == (1, "made")
    assert pool.nodes.reason is not None
    assert "m0 1" in pool.nodes.reason
    (pool,) = planned(asking(rate=1)).pools
    assert (pool.nodes.min, pool.nodes.reason) == (0, None)


def test_models_share_a_whole_gpu_only_where_that_is_allowed_and_never_exceed_it() -> None:
    pool = {"name": "old", "sku": NC24_A100, "existing": existing("old"), "nodes": {"max": 1}}
    both = asking(rate=0.2), asking("Qwen/Qwen3-8B", rate=0.2)
    assert told(*both, pools=[pool]) == [("pools[0].nodes.max", "pool-too-small")]
    plan = planned(*both, pools=[pool], shared_gpus=True)
    (node,) = plan.packing
    (unit,) = node.units
    assert {tenant.model for tenant in unit.tenants} == {"m0", "m1"}
    assert sum(tenant.share for tenant in unit.tenants) <= 1
    card = CATALOG.gpus["A100-PCIe-80GB"].memory_gib
    assert sum(model.memory.usable_gib for model in plan.models) <= 0.92 * card
    assert [model.engine["gpu_memory_utilization"] for model in plan.models] == [
        pytest.approx(0.92 * model.share) for model in plan.models
    ]


def test_prompts_and_answers_apart_size_both_sides_and_the_link_between_them() -> None:
    asked = asking("Qwen/Qwen3-235B-A22B", rate=8, prompt=4000, output=300, ttft_ms=3000, disaggregated=True)
    model = placed(asked, quota=H100_ALONE)
    prefill = model.prefill
    assert prefill is not None
    assert model.speed is not None
    # 94 layers × 4 heads × 2 × 128 numbers of 2 bytes, copied to as many units as there are beyond the heads.
    per_token = 94 * 4 * 2 * 128 * 2
    assert prefill.link.gib_per_request == pytest.approx(4000 * per_token / 2**30, rel=0.05)
    assert prefill.link.path == "Ethernet"
    assert prefill.link.available_gb_s is not None
    assert prefill.link.needed_gb_s <= prefill.link.available_gb_s
    assert prefill.link.transfer_ms is not None
    assert model.speed is not None
    assert model.speed.ttft_ms.value == pytest.approx(
        prefill.ttft_ms.value + prefill.link.transfer_ms + model.speed.tpot_ms.value
    )
    assert model.speed.ttft_ms.value <= 3000
    assert model.speed.tpot_ms.value <= 50
    units = [unit for node in planned(asked, quota=H100_ALONE).packing for unit in node.units]
    assert {tenant.role for unit in units for tenant in unit.tenants} == {"serve", "prefill"}


def test_the_kv_cache_goes_over_ethernet_and_it_is_said_where_infiniband_would_be_faster() -> None:
    asked = asking("Qwen/Qwen3-235B-A22B", rate=8, prompt=4000, output=300, ttft_ms=3000, disaggregated=True)
    plan = planned(asked, quota=H100_ALONE)
    (prefill,) = [model.prefill for model in plan.models]
    assert prefill is not None
    node = CATALOG.skus[ND_H100]
    assert prefill.link.available_gb_s == (node.nic_gbit_s or 0) / 8 * prefill.units / node.gpus
    (note,) = [found for found in plan.findings if found.code == "kv-link-over-ethernet"]
    assert f"InfiniBand of these sizes carries {node.scale_out_gb_s:g} GB/s" in note.what


def test_a_slow_link_takes_more_replicas_that_read() -> None:
    asked = asking("Qwen/Qwen3-32B", rate=2, prompt=7000, ttft_ms=9000, disaggregated=True)
    pools = [{"name": "one", "sku": NC40, "nodes": {"max": 9}}]
    plan = planned(asked, pools=pools)
    (prefill,) = [model.prefill for model in plan.models]
    assert prefill is not None
    assert prefill.link.needed_gb_s <= (prefill.link.available_gb_s or 0)
    assert "kv-link-over-ethernet" not in {found.code for found in plan.findings}  # NC40 has no InfiniBand
    faster = asking("Qwen/Qwen3-32B", rate=8, prompt=7000, ttft_ms=9000, disaggregated=True)
    more = placed(faster, pools=[pools[0] | {"nodes": {"max": 99}}]).prefill
    assert more is not None
    assert more.replicas_max > prefill.replicas_max
    assert more.link.needed_gb_s <= (more.link.available_gb_s or 0)


@pytest.mark.parametrize("pool", ["there", "other", "here"])
def test_both_sides_of_a_disaggregated_model_lie_in_one_cluster(pool: str) -> None:
    # Pools that exist cost nothing more, so both sides would rather lie there.
    model = placed(_apart(pool), pools=_in_three_clusters())
    assert model.prefill is not None
    assert model.prefill.pool == model.pool == pool


def test_a_cluster_with_nodes_for_one_side_only_borrows_none_of_another() -> None:
    there, other, here = _in_three_clusters()
    found = told(_apart("here"), pools=[there, other, here | {"nodes": {"max": 1}}])
    assert found == [("pools[2].nodes.max", "pool-too-small")]


def _apart(pool: str) -> dict[str, Any]:
    placement = {"pool": pool}
    return asking(
        "Qwen/Qwen3-32B", rate=2, prompt=7000, ttft_ms=9000, disaggregated=True, placement=placement
    )


def _in_three_clusters() -> list[dict[str, Any]]:
    """Pools alike: in two clusters that are there, and in that of the environment."""
    there = existing("old")
    pool = {"sku": NC40, "nodes": {"max": 99}}
    return [
        pool | {"name": "there", "existing": there},
        pool | {"name": "other", "existing": there.replace("/aks/", "/other/")},
        pool | {"name": "here"},
    ]


def test_prompts_and_answers_apart_are_refused_where_the_link_is_too_slow() -> None:
    nc40 = {"name": "one", "sku": NC40, "nodes": {"max": 9}}
    asked = asking("Qwen/Qwen3-32B", rate=2, prompt=7000, ttft_ms=400, disaggregated=True)
    ((path, code),) = told(asked, pools=[nc40])
    assert (path, code) == ("models[0].slo.ttft_ms", "slo-out-of-reach")


def test_a_model_for_devices_is_answered_with_what_to_ship_and_takes_no_gpu() -> None:
    edge = {"name": "edge", "source": "Qwen/Qwen3-1.7B", "workload": "edge", "context_tokens": 4096}
    plan = planned(edge, asking(rate=0.2))
    assert [model.name for model in plan.models] == ["m1"]
    (shipped,) = plan.edge
    assert "Q4_K_M" in shipped.artefact
    assert "llama.cpp" in shipped.runtime
    assert 1.0 < shipped.artefact_gib < shipped.memory_gib < 3.0


def test_a_workload_gives_what_traffic_and_slo_leave_out() -> None:
    asked = asking(rate=1, workload="code")
    del asked["slo"]
    asked["traffic"] = {"requests_per_second": 1}
    model = placed(asked)
    usual = CATALOG.workloads["code"]
    assert model.traffic is not None
    assert model.slo is not None
    assert (model.traffic.prompt_tokens, model.traffic.output_tokens) == (
        usual.prompt_tokens,
        usual.output_tokens,
    )
    assert (model.slo.ttft_ms, model.slo.tpot_ms) == (usual.ttft_ms, usual.tpot_ms)


def test_a_workload_outside_of_the_catalog_is_told() -> None:
    assert told(asking(workload="coding")) == [("models[0].workload", "unknown-workload")]


def test_auto_takes_no_integers_and_they_may_be_asked_for() -> None:
    assert placed(asking(rate=1)).precision in ("bf16", "fp8")
    model = placed(asking(rate=1, precision="int4"))
    assert (model.precision, model.source) == ("int4", "Qwen/Qwen2.5-7B-Instruct")
    assert model.checkpoint != model.source


def test_a_precision_that_nobody_publishes_is_told() -> None:
    assert told(asking("microsoft/Phi-4-mini-instruct", precision="mxfp4")) == [
        ("models[0].precision", "precision-unpublished")
    ]


def test_a_pinned_model_may_have_stages() -> None:
    pool = {"name": "nd", "sku": ND_H100, "nodes": {"max": 1}}
    asked = asking("meta-llama/Llama-3.3-70B-Instruct", placement={"pool": "nd", "gpus": 2, "pipeline": 2})
    model = placed(asked, pools=[pool])
    assert (model.units, model.tensor_parallel, model.pipeline_parallel) == (4, 2, 2)
    assert model.engine["pipeline_parallel_size"] == 2
    asked["placement"] = {"pool": "nd", "gpus": 8, "pipeline": 2}
    assert told(asked, pools=[pool]) == [("models[0].placement.pipeline", "pipeline-impossible")]


def test_what_was_rejected_is_told_by_its_limit_with_what_came_nearest() -> None:
    model = placed(asking("Qwen/Qwen3-32B", rate=4))
    limits = {each.limit: each for each in model.rejected}
    assert limits["memory"].count > 1
    assert "GiB" in limits["memory"].what
    assert "price" in limits
    assert model.runner_up is not None
    assert model.runner_up.more_usd_per_hour is not None
    assert model.runner_up.more_usd_per_hour >= 0


def test_experts_stay_whole_where_a_share_of_one_would_cut_through_its_scales() -> None:
    # Experts of 1536 over eight units are 192 wide, and scales stand for blocks of 128.
    pool = {"name": "nd", "sku": ND_H100, "nodes": {"max": 1}}
    asked = asking("Qwen/Qwen3-235B-A22B", precision="fp8", placement={"pool": "nd", "gpus": 8})
    assert placed(asked, pools=[pool]).engine["enable_expert_parallel"] is True
    asked["placement"] = {"pool": "nd", "gpus": 4}
    assert "enable_expert_parallel" not in placed(asked, pools=[pool]).engine
