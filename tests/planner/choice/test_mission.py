"""What the platform stands for, as rules. Each holds under prices and constraints, which its test states, and
has a case in which it does not hold."""

from itertools import product

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner.choice.offer import listed
from inference_stack.planner.choice.shape import Shape, shapes
from inference_stack.planner.pools import Site, site
from inference_stack.planner.silicon import silicon
from inference_stack.spec import GpuPool, Mig, MigProfile, Nodes
from tests.planner.choice.asking import (
    GB200,
    H100_ALONE,
    NC24_A100,
    NC40,
    NC80,
    ND_H100,
    ND_H200,
    asking,
    existing,
    placed,
    planned,
    repriced,
    size_of,
    unconfirmed,
)

LLAMA_70B = "meta-llama/Llama-3.3-70B-Instruct"
LLAMA_405B = "meta-llama/Llama-3.1-405B-Instruct"
QWEN_235B = "Qwen/Qwen3-235B-A22B"


# Four NC80adis beat one ND H100 at list price: 4 × 17.64 against 98.32 USD an hour for eight GPUs.
# Holds without H200 and GB200, for a model that two H100 NVL hold and one does not.
def in_16_bits(rate: float) -> dict[str, object]:
    return asking(LLAMA_70B, precision="bf16", rate=rate, ttft_ms=4000, tpot_ms=60)


def test_four_nc80adis_beat_one_nd_h100_at_list_price() -> None:
    plan = planned(in_16_bits(8), quota=H100_ALONE)
    (pool,), (model,) = plan.pools, plan.models
    assert (pool.sku, model.units) == (NC80, 2)
    assert pool.nodes.max * 17.64 < 98.32
    assert model.runner_up is not None
    assert model.runner_up.sku == ND_H100


def test_one_nd_h100_beats_four_nc80adis_at_half_its_price() -> None:
    catalog = repriced(ND96isr_H100_v5=98.32 / 2)
    assert size_of(in_16_bits(8), quota=H100_ALONE, catalog=catalog) == ND_H100


def test_one_nd_h100_beats_nc80adis_where_two_gpus_do_not_hold_the_model() -> None:
    assert size_of(asking(LLAMA_405B), quota=H100_ALONE) == ND_H100


# An A100 beats an H100 for small loads, at 3.673 against 6.98 USD an hour, where new capacity is allowed.
def test_an_a100_beats_an_h100_for_a_small_load() -> None:
    assert size_of(asking(rate=0.2), new_a100_capacity=True) == NC24_A100


def test_an_h100_beats_an_a100_for_a_large_load() -> None:
    assert size_of(asking(rate=60), new_a100_capacity=True) == NC40


def test_no_new_a100_is_planned_unless_it_is_allowed() -> None:
    model = placed(asking(rate=0.2))
    assert size_of(asking(rate=0.2)) == NC40
    (told,) = [each for each in model.rejected if each.limit == "capacity"]
    assert "new_a100_capacity" in told.what


# A price that nobody confirmed cannot win against one that somebody did, however low.
def test_an_unconfirmed_price_cannot_win_a_placement() -> None:
    assert size_of(asking(rate=1)) == NC40
    catalog = unconfirmed(NC40, NC80)
    assert size_of(asking(rate=1), catalog=catalog) not in (NC40, NC80)


def test_an_unconfirmed_price_wins_where_no_other_size_will_do_and_the_plan_says_so() -> None:
    catalog = unconfirmed(NC40, NC80)
    quota = H100_ALONE | {"standardNDSH100v5Family": 0}
    plan = planned(asking(rate=1), catalog=catalog, quota=quota)
    assert plan.pools[0].sku == NC40
    assert "placed-without-price" in {finding.code for finding in plan.findings}


def test_a_size_without_a_price_is_taken_only_where_nothing_else_will_do() -> None:
    images = {"arm64": True}
    gb300 = "Standard_ND128isr_GB300_v6"
    assert size_of(asking(rate=1), images=images) != gb300
    quota = H100_ALONE | {"standardNDSH100v5Family": 0, "StandardNCadsH100v5Family": 0}
    plan = planned(asking(rate=1), images=images, quota=quota)
    assert plan.pools[0].sku == gb300
    assert plan.models[0].usd_per_hour is None
    assert "placed-without-price" in {finding.code for finding in plan.findings}


# Decode on one GPU goes to NCads H100 v5: 3.9 TB/s for 6.98 USD an hour against 3.35 for 12.29 of an ND H100.
DECODE = asking("Qwen/Qwen3-32B", rate=4, prompt=200, output=1000)


def test_decode_on_one_gpu_goes_to_ncads_h100_v5() -> None:
    assert silicon(sku=NC40).bandwidth_tb_s == 3.9
    assert silicon(sku=ND_H100).bandwidth_tb_s == 3.35
    model = placed(DECODE)
    assert (size_of(DECODE), model.units) == (NC40, 1)


def test_decode_on_one_gpu_goes_to_nd_h100_v5_where_that_is_there_already() -> None:
    nd = {"name": "old", "sku": ND_H100, "existing": existing("old"), "nodes": {"max": 1}}
    assert size_of(DECODE, pools=[nd], new_pools=True) == ND_H100


# Sharding goes to ND H100 v5: eight GPUs on NVLink. Holds without H200, which is cheaper at list price.
def test_sharding_over_more_than_two_gpus_goes_to_nd_h100_v5() -> None:
    model = placed(asking(LLAMA_405B), quota=H100_ALONE)
    assert model.units == 8
    assert size_of(asking(LLAMA_405B), quota=H100_ALONE) == ND_H100


def test_sharding_goes_to_nd_h200_v5_where_that_may_be_had() -> None:
    assert size_of(asking(LLAMA_405B)) == ND_H200


# Long prompts that must be answered soon go to ND H100 v5: more GPUs read one prompt together.
def reading(ttft_ms: float) -> dict[str, object]:
    return asking(LLAMA_70B, rate=1, prompt=7500, output=20, ttft_ms=ttft_ms, tpot_ms=100)


def test_heavy_prefill_goes_to_nd_h100_v5() -> None:
    model = placed(reading(400), quota=H100_ALONE)
    assert size_of(reading(400), quota=H100_ALONE) == ND_H100
    assert model.bottleneck == "prefill compute"


def test_the_same_prefill_goes_to_ncads_h100_v5_where_it_may_take_its_time() -> None:
    assert size_of(reading(4000), quota=H100_ALONE) in (NC40, NC80)


# A quantized 7B on NC40ads beats a 70B on ND H100 v5 for structured output: short answers, at list price.
STRUCTURED = {"rate": 4.0, "prompt": 800, "output": 150}
ND = {"name": "nd", "sku": ND_H100, "nodes": {"max": 2}}


def test_a_quantized_7b_on_nc40ads_beats_a_70b_on_nd_h100_v5_for_structured_output() -> None:
    small = planned(asking(precision="int4", **STRUCTURED))
    large = planned(asking(LLAMA_70B, **STRUCTURED), pools=[ND])
    assert small.pools[0].sku == NC40
    share, whole = small.models[0].usd_per_hour, large.models[0].usd_per_hour
    assert share is not None
    assert whole is not None
    # Of what each takes of its nodes; of whole nodes it is 98.32 to 6.98, 14 times.
    assert whole / share > 6
    assert pytest.approx(14.1, abs=0.1) == 98.32 / 6.98


def test_the_70b_costs_less_where_its_node_is_there_already() -> None:
    old = ND | {"existing": existing("nd")}
    large = placed(asking(LLAMA_70B, **STRUCTURED), pools=[old])
    assert large.usd_per_hour == 0


# Llama 70B in fp8 runs on one card of 80 GB only with short contexts or few requests.
def on_one_card(context: int) -> dict[str, object]:
    slow = {"ttft_ms": 20_000, "tpot_ms": 200}
    return asking(LLAMA_70B, precision="fp8", placement={"pool": "nd", "gpus": 1}, **slow) | {
        "context_tokens": context,
        "traffic": {"requests_per_second": 0.1, "prompt_tokens": 1000, "output_tokens": 200},
    }


def test_llama_70b_fp8_on_one_80_gb_card_holds_a_short_context_and_few_requests() -> None:
    model = placed(on_one_card(8192), pools=[ND])
    assert model.full_context_requests <= 2
    assert model.concurrency <= 16
    assert model.bottleneck == "memory"


def test_llama_70b_fp8_on_one_80_gb_card_holds_no_long_context() -> None:
    with pytest.raises(Exception, match="context_tokens = 65536"):
        placed(on_one_card(65536), pools=[ND])


def test_llama_70b_fp8_on_one_94_gb_card_holds_more() -> None:
    large = {"name": "nd", "sku": NC40, "nodes": {"max": 2}}
    assert placed(on_one_card(32768), pools=[large]).full_context_requests >= 1


# A large mixture of experts goes to ND H100 v5 or GB200: without H200, and GB200 needs an arm64 image.
ARM = {"arm64": True}
NO_H200 = {"standardNDISRH200V5Family": 0}


@pytest.mark.parametrize("source", [QWEN_235B, "deepseek-ai/DeepSeek-R1"])
def test_a_large_mixture_of_experts_goes_to_nd_h100_v5_or_gb200(source: str) -> None:
    asked = asking(source, rate=2, ttft_ms=4000)
    assert size_of(asked, quota=NO_H200, images=ARM) in (ND_H100, GB200)


def test_deepseek_r1_goes_to_gb200_since_eight_h100_do_not_hold_it() -> None:
    assert size_of(asking("deepseek-ai/DeepSeek-R1", ttft_ms=4000), quota=NO_H200, images=ARM) == GB200


def test_a_small_mixture_of_experts_needs_a_slice_only() -> None:
    plan = planned(asking("Qwen/Qwen3-30B-A3B"), quota=NO_H200, images=ARM)
    assert plan.pools[0].sku == NC40
    assert plan.pools[0].accelerator.profile == "3g.47gb"


def test_no_arm64_node_is_planned_without_an_image_for_it() -> None:
    plan = planned(asking(QWEN_235B, rate=2), quota=NO_H200)
    assert plan.pools[0].arch == "amd64"
    assert "architecture" in {each.limit for each in plan.models[0].rejected}


# Bandwidth of a slice goes with its memory slices, not with its compute slices.
@pytest.mark.parametrize(("profile", "eighths"), [("MIG1g", 1), ("MIG2g", 2), ("MIG3g", 4), ("MIG7g", 8)])
def test_the_bandwidth_of_a_slice_falls_with_its_memory_slices(profile: str, eighths: int) -> None:
    assert silicon(sku=NC40, mig=profile).bandwidth_tb_s == pytest.approx(3.9 * eighths / 8)


def test_a_3g_slice_has_four_eighths_of_the_bandwidth_and_not_three_sevenths() -> None:
    assert silicon(sku=NC40, mig="MIG3g").bandwidth_tb_s == pytest.approx(1.95)
    assert silicon(sku=NC40, mig="MIG3g").bandwidth_tb_s > 3.9 * 3 / 7


def slices(sku: str, profile: MigProfile | None) -> Site:
    mig = Mig(profile=profile) if profile else None
    found = site(GpuPool(name="p", sku=sku, mig=mig, nodes=Nodes(max=1)), CATALOG)
    assert found is not None
    return found


SLICED = [name for name, sku in CATALOG.skus.items() if sku.aks_mig]


@pytest.mark.parametrize(("sku", "profile"), [*product(SLICED, [MigProfile.MIG1G, MigProfile.MIG3G])])
@pytest.mark.parametrize("source", [LLAMA_70B, QWEN_235B])
def test_tensor_parallel_never_spans_slices(sku: str, profile: MigProfile, source: str) -> None:
    row = CATALOG.models[source]
    assert list(shapes(listed(slices(sku, profile)), row.architecture, row.layout)) == [Shape(1)]


def test_tensor_parallel_spans_whole_gpus() -> None:
    row = CATALOG.models[LLAMA_70B]
    found = shapes(listed(slices(ND_H100, None)), row.architecture, row.layout)
    assert [shape.tensor_parallel for shape in found] == [1, 2, 4, 8]


def test_stages_are_tried_only_over_gpus_that_no_nvlink_joins() -> None:
    row = CATALOG.models[LLAMA_70B]
    found = list(shapes(listed(slices("Standard_NC96ads_A100_v4", None)), row.architecture, row.layout))
    assert found == [Shape(1), Shape(2), Shape(4), Shape(2, 2), Shape(1, 4)]


# Pools that are there already are used before new ones: somebody pays for them anyway.
OLD = {"name": "old", "sku": NC24_A100, "existing": existing("old"), "nodes": {"max": 1}}


def test_an_existing_a100_pool_is_used_before_a_new_one() -> None:
    plan = planned(asking(rate=1), pools=[OLD], new_pools=True)
    assert [pool.origin for pool in plan.pools] == ["existing"]
    assert plan.models[0].usd_per_hour == 0
    assert plan.price.peak.gpu_usd_per_hour == 0


def test_a_new_pool_is_made_where_the_existing_one_is_too_small() -> None:
    plan = planned(asking(rate=60), pools=[OLD], new_pools=True)
    assert [pool.origin for pool in plan.pools] == ["existing", "made"]
    assert plan.models[0].pool != "old"


# Of what costs the same, the smallest.
def test_of_places_at_the_same_price_the_smallest_is_taken() -> None:
    small = {"name": "small", "sku": NC40, "existing": existing("small"), "nodes": {"max": 1}}
    pools = [small | {"name": "whole", "existing": existing("whole")}, small | {"mig": {"profile": "MIG2g"}}]
    asked = asking(rate=0.2, precision="bf16")
    assert placed(asked, pools=pools).pool == "small"
    assert placed(asked | {"context_tokens": 32768, "engine": {}}, pools=pools).pool == "small"


def test_the_larger_place_is_taken_where_the_smallest_does_not_hold_the_context() -> None:
    small = {"name": "small", "sku": NC40, "existing": existing("small"), "nodes": {"max": 1}}
    pools = [small | {"name": "whole", "existing": existing("whole")}, small | {"mig": {"profile": "MIG2g"}}]
    asked = asking("Qwen/Qwen3-8B", rate=0.2, precision="bf16") | {"context_tokens": 40960}
    assert placed(asked, pools=pools).pool == "whole"
