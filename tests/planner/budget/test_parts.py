"""Single parts of the budget against figures that vLLM's source gives."""

from dataclasses import replace

import pytest

from inference_stack.planner.case import parse
from inference_stack.planner.memory.activation import activation_gib
from inference_stack.planner.memory.adapters import adapters_bytes
from inference_stack.planner.memory.budget import memory
from inference_stack.planner.memory.graphs import captured, cudagraph_gib
from inference_stack.planner.memory.runtime import requested_gib
from inference_stack.planner.memory.sharing import share_together, with_share
from inference_stack.planner.memory.versions import accounting, minor
from inference_stack.planner.replica import Replica

MIB = 2**20


def replica(**given: object) -> Replica:
    fields = {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "H100-80GB-SXM", "max_model_len": 8192}
    return parse([fields | given])[0].replica


def test_adapters_of_llama_8b_at_rank_16_take_80_mib_a_slot() -> None:
    assert adapters_bytes(replica(lora={"count": 1, "rank": 16})) == 80 * MIB
    assert adapters_bytes(replica(lora={"count": 4, "rank": 16})) == 320 * MIB
    assert adapters_bytes(replica()) == 0


def test_the_reading_half_of_an_adapter_stands_whole_on_every_unit() -> None:
    whole = adapters_bytes(replica(lora={"count": 1, "rank": 16}))
    half = adapters_bytes(replica(lora={"count": 1, "rank": 16}, tp=2))
    assert whole / 2 < half < whole


def test_requested_memory_is_rounded_up_to_a_byte() -> None:
    assert requested_gib(replica(total_gib=79.19, gpu_memory_utilization=0.95)) == pytest.approx(75.2305)


def test_default_engines_capture_51_mixed_graphs_up_to_512_tokens() -> None:
    graphs = captured(replica())
    assert (len(graphs.mixed), graphs.mixed[-1]) == (51, 512)
    assert (len(graphs.decode), graphs.decode[-1]) == (51, 512)


def test_graphs_of_decoding_end_at_max_num_seqs() -> None:
    graphs = captured(replica(max_num_seqs=256))
    assert (len(graphs.decode), graphs.decode[-1]) == (35, 256)
    assert captured(replica(max_num_seqs=2)).mixed == (1, 2, 4)


def test_an_eager_engine_captures_nothing() -> None:
    eager = replica(enforce_eager=True)
    assert captured(eager).mixed == ()
    assert cudagraph_gib(eager, 32) == 0


@pytest.mark.parametrize(
    ("version", "reserved"), [("0.19.0", False), ("0.22.0", True), ("0.27.1", False), ("0.29.0", True)]
)
def test_graphs_are_taken_from_the_cache_by_release(version: str, reserved: bool) -> None:
    held = memory(replica(vllm_version=version))
    assert held.graphs_reserved is reserved
    assert held.cudagraph_gib > 0


def test_mixtures_of_experts_came_to_the_second_runner_with_0_29() -> None:
    assert accounting("0.27.0", dense=False).reserves_graphs
    assert not accounting("0.27.0", dense=True).reserves_graphs


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not of the form"):
        minor("main")


def test_the_sampler_of_the_second_runner_profiles_less() -> None:
    assert activation_gib(replica()) < activation_gib(replica(vllm_version="0.19.0"))
    assert activation_gib(replica(vllm_version="0.19.0")) < activation_gib(replica(vllm_version="0.16.0"))


def test_a_draft_model_takes_its_weights_and_a_part_of_the_cache() -> None:
    alone = memory(replica())
    drafted = memory(replica(draft_model="meta-llama/Llama-3.2-1B-Instruct", speculative_tokens=3))
    assert drafted.draft_gib == pytest.approx(2.3, abs=0.2)
    assert drafted.kv_gib < alone.kv_gib - drafted.draft_gib + 0.5
    assert drafted.kv_tokens < alone.kv_tokens


def test_pipeline_stages_are_judged_by_the_one_that_holds_least() -> None:
    two = memory(replica(pp=2, vllm_version="0.19.0", gpu_memory_utilization=0.95))
    assert two.weights_gib == pytest.approx(7.51, abs=0.01)
    assert two.kv_tokens == pytest.approx(1_075_312, rel=0.002)


def test_a_model_that_is_too_large_is_told_which_part_forbids_it() -> None:
    held = memory(replica(model="meta-llama/Llama-3.1-70B-Instruct"))
    assert not held.fits
    assert held.limit is not None
    assert held.limit.startswith("weights: ")


def test_a_context_that_is_too_long_is_told_the_longest() -> None:
    held = memory(replica(model="Qwen/Qwen3-32B", max_model_len=40960, gpu_memory_utilization=0.88))
    assert held.limit is not None
    assert held.limit.startswith("max_model_len: 40960 tokens need")
    longest = int(held.limit.rpartition("≤ ")[2].split()[0])
    assert memory(replica(model="Qwen/Qwen3-32B", max_model_len=longest, gpu_memory_utilization=0.88)).fits


def test_heads_that_cannot_be_dealt_out_forbid_the_start() -> None:
    held = memory(replica(model="Qwen/Qwen2.5-7B-Instruct", tp=8))
    assert (
        held.limit == "tensor_parallel: 28 attention heads cannot be dealt out over 8 units; allowed: 1, 2, 4"
    )


def test_a_utilization_that_leaves_no_room_for_a_context_forbids_the_start() -> None:
    limit = memory(replica(gpu_memory_utilization=1.0)).limit
    assert limit is not None
    assert limit.startswith("gpu_memory_utilization: 1.0 asks for")


def test_two_halves_share_a_gpu_and_two_defaults_do_not() -> None:
    half = with_share(replica(), 0.5)
    assert half.engine.gpu_memory_utilization < 0.5
    assert share_together([half, half])
    assert not share_together([half, half, half])
    assert not share_together([replica(), replica()])
    assert share_together([])


def test_a_share_below_what_a_process_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="beside its budget"):
        with_share(replica(), 0.001)


def test_expert_parallel_engines_keep_whole_experts_in_their_workspace() -> None:
    split = replica(model="Qwen/Qwen3-235B-A22B", tp=8)
    whole = replace(split, engine=replace(split.engine, enable_expert_parallel=True))
    assert activation_gib(whole) >= activation_gib(split)
