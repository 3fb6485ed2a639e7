"""Weights and KV cache are byte for byte what vLLM's own classes and functions say."""

from typing import Any

import pytest

from inference_stack.catalog.architecture import Layout
from inference_stack.catalog.config import architecture
from inference_stack.planner.dealing import undivided
from inference_stack.planner.memory.kv_cache import kv_cache
from inference_stack.planner.memory.weights import stage_weights_bytes
from inference_stack.planner.replica import Engine, Replica, Silicon
from tests.planner.memory.vllm_answers import CACHE_GIB, GIB, STEP, Case, catalog_cases, staged_cases

H100 = Silicon(
    gpu="H100-SXM-80GB",
    generation="Hopper",
    memory_gib=79.19,
    bandwidth_tb_s=3.35,
    bf16_tflops=989,
    fp8_tflops=1979,
    fp4_tflops=None,
    link_gb_s=900,
)
Answers = dict[str, dict[str, Any]]
NORM_BYTES = 64 * 1024
"""Some classes keep the final norm on every stage, which we count on the last."""


def replica(case: Case, *, prefix_caching: bool = True) -> Replica:
    engine = Engine(
        max_model_len=case.context,
        max_num_batched_tokens=STEP,
        max_num_seqs=1024,
        enable_prefix_caching=prefix_caching,
    )
    model = architecture(case.config)
    return Replica(model, Layout("bf16"), H100, engine, case.tensor_parallel, case.pipeline_parallel)


def answered(answers: Answers, case: Case) -> dict[str, Any]:
    found = answers[case.name]
    assert "error" not in found, f"{case.name}: {found['error']}"
    return found


CASES = [
    case
    for case in catalog_cases()
    if undivided(architecture(case.config), Layout("bf16"), case.tensor_parallel) is None
]
REFUSED = [case for case in catalog_cases() if case not in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_weights_are_those_of_the_class_that_vllm_builds(answers: Answers, case: Case) -> None:
    assert list(stage_weights_bytes(replica(case))) == answered(answers, case)["weights"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cache_holds_what_vllm_says_it_holds(answers: Answers, case: Case) -> None:
    found = answered(answers, case)
    cache = kv_cache(replica(case, prefix_caching=found["prefix_caching"]), CACHE_GIB * GIB)
    assert (cache.blocks, cache.tokens) == (found["blocks"], found["tokens"])
    assert cache.max_concurrency == pytest.approx(found["max_concurrency"], rel=1e-12)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_does_not_divide_is_refused_by_vllm_too(answers: Answers, case: Case) -> None:
    assert "error" in answers[case.name]


@pytest.mark.parametrize("case", staged_cases(), ids=lambda case: case.name)
def test_each_stage_of_a_pipeline_holds_what_vllm_builds_there(answers: Answers, case: Case) -> None:
    found = answered(answers, case)
    for ours, theirs in zip(stage_weights_bytes(replica(case)), found["weights"], strict=True):
        assert abs(ours - theirs) <= NORM_BYTES
    cache = kv_cache(replica(case), CACHE_GIB * GIB)
    assert (cache.blocks, cache.tokens) == (found["blocks"], found["tokens"])
