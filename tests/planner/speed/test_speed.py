"""Figures that arithmetic on paper gives, and what an answer says about itself."""

from dataclasses import replace
from time import perf_counter

import pytest

from inference_stack.planner.replica import Replica
from inference_stack.planner.speed import Load, speed
from inference_stack.planner.speed.capacity import running_requests
from inference_stack.planner.speed.constants import fitted
from inference_stack.planner.speed.pace import pace
from inference_stack.planner.speed.question import parse
from inference_stack.planner.speed.work import work

LLAMA_8B = "meta-llama/Llama-3.1-8B-Instruct"


def replica(model: str, gpu: str, tp: int = 1, **more: object) -> Replica:
    question = {"model_hf_id": model, "gpu": gpu, "tp": tp, "input_len_mean": 1, "output_len_mean": 1}
    return parse([{**question, "concurrency": 1, **more}])[0].replica


def test_a_dense_step_reads_every_matrix_but_the_embedding():
    found = work(replica(LLAMA_8B, "H100-SXM-80GB"))
    embedding = 128_256 * 4096
    read = sum(part.read_bytes for part in found.products) + found.head.read_bytes
    assert read == pytest.approx(2 * (8_030_261_248 - embedding), rel=1e-3)


def test_a_tied_embedding_is_read_as_the_head():
    found = work(replica("Qwen/Qwen3-1.7B", "A100-SXM-80GB"))
    assert found.head.read_bytes == pytest.approx(2 * 151_936 * 2048, rel=1e-3)


def test_one_token_reads_the_experts_it_picks_and_many_read_most():
    unit = replica("openai/gpt-oss-120b", "H100-SXM-80GB", tp=2)
    found = pace(unit, fitted()[0])
    (read, _, missed) = found.mixtures[0]
    assert 1 - missed == pytest.approx(4 / 128)
    grown = found.step(64, 1).reading - found.step(1, 1).reading
    # 64 tokens that pick 4 of 128 each leave 13 % untouched by chance.
    assert grown == pytest.approx(read * (1 - missed**64 - 4 / 128), rel=0.1)


def test_tensor_parallel_halves_what_a_rank_reads_and_adds_messages():
    one, two = (work(replica(LLAMA_8B, "H100-SXM-80GB", tp=tp)) for tp in (1, 2))
    assert sum(part.read_bytes for part in two.products) == pytest.approx(
        sum(part.read_bytes for part in one.products) / 2, rel=0.01
    )
    assert (one.messages, two.messages) == (0, 2 * 32 + 1)


def test_latent_attention_is_not_divided_by_tensor_parallel():
    one, eight = (work(replica("deepseek-ai/DeepSeek-R1-0528", "H200-SXM-141GB", tp=tp)) for tp in (1, 8))
    assert one.caches[0].token_bytes == eight.caches[0].token_bytes == 61 * 576 * 2


def test_a_sliding_layer_stops_reading_at_its_window():
    found = pace(replica("openai/gpt-oss-120b", "H100-SXM-80GB"), fitted()[0])
    short, long, longer = (found.step(32, context).seconds for context in (128, 1128, 2128))
    windows = {window for window, *_ in found.caches}
    assert windows == {128.0, float("inf")}
    assert longer - long == pytest.approx(long - short, rel=0.01)


def test_the_batch_is_what_the_memory_plan_holds():
    unit = replica("Qwen/Qwen3-32B", "H100-SXM-80GB", tp=2)
    held = running_requests(unit, 4096, 1024)
    found = speed(unit, Load(4 * held, 4096, 1024))
    assert found.batch == held
    assert found.bottleneck == "memory"
    assert speed(unit, Load(2, 4096, 1024)).bottleneck == "decode bandwidth"


def test_the_same_batch_is_never_above_max_num_seqs():
    unit = replica(LLAMA_8B, "H100-SXM-80GB")
    few = replace(unit, engine=replace(unit.engine, max_num_seqs=4))
    assert speed(few, Load(64, 128, 128)).batch == 4


def test_long_prompts_and_short_answers_are_bound_by_prefill():
    assert speed(replica(LLAMA_8B, "A100-SXM-80GB"), Load(64, 4096, 16)).bottleneck == "prefill compute"


def test_cards_without_nvlink_are_bound_by_what_they_tell_each_other():
    linked, apart = (
        speed(replica("meta-llama/Llama-3.1-8B-Instruct", gpu, tp=8), Load(1, 128, 128))
        for gpu in ("H100-SXM-80GB", "H100-PCIe-80GB")
    )
    assert apart.bottleneck == "interconnect"
    assert linked.bottleneck != "interconnect"


def test_a_slice_has_the_bandwidth_of_its_memory_and_says_that_nobody_measured_it():
    whole, cut = (replica(LLAMA_8B, "H100-NVL-94GB", mig=mig) for mig in (None, "3g.47gb"))
    one, other = (speed(unit, Load(1, 512, 256)) for unit in (whole, cut))
    assert 1.6 < other.tpot_ms.value / one.tpot_ms.value < 2.0
    assert "no public measurement" in one.calibration
    assert "no public measurement of a MIG slice" in other.calibration


def test_a_range_is_wider_where_nobody_measured():
    seen, unseen = (
        speed(replica(LLAMA_8B, gpu), Load(8, 512, 256)).tpot_ms for gpu in ("H100-SXM-80GB", "H100-NVL-94GB")
    )
    assert seen.high / seen.low < unseen.high / unseen.low


def test_the_search_can_ask_thousands_of_times():
    unit = replica("openai/gpt-oss-120b", "H100-NVL-94GB", tp=2)
    loads = [Load(1 + each / 10, 1024, 256) for each in range(500)]
    speed(unit, loads[0])
    best = min(_timed(unit, loads) for _ in range(3))
    assert best / len(loads) < 0.5e-3


def _timed(unit: Replica, loads: list[Load]) -> float:
    start = perf_counter()
    for load in loads:
        speed(unit, load)
    return perf_counter() - start


@pytest.mark.parametrize(
    ("load", "wrong"),
    [((0, 1, 1), "concurrency"), ((1, 0, 1), "prompt_tokens"), ((1, 1, 0.5), "output_tokens")],
)
def test_a_load_of_less_than_one_is_refused(load, wrong):
    with pytest.raises(ValueError, match=wrong):
        Load(*load)


def test_open_arrivals_need_a_rate_and_no_others_have_one():
    with pytest.raises(ValueError, match="rate"):
        Load(1, 1, 1, "open")
    with pytest.raises(ValueError, match="rate"):
        Load(1, 1, 1, "closed", 2.0)
