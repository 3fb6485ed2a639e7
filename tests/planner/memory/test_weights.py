"""Weights of quantized checkpoints, of stages, and what the allocator and public logs say."""

from dataclasses import replace
from typing import Any

import pytest

from inference_stack.catalog.architecture import Architecture, Layout
from inference_stack.catalog.config import architecture, layout
from inference_stack.catalog.data_files import objects
from inference_stack.planner.memory.matrices import matrices, parameters
from inference_stack.planner.memory.weights import (
    rounded_up_bytes,
    stage_layers,
    stage_weights_bytes,
    weights_bytes,
)
from inference_stack.planner.replica import Engine, Replica, Silicon

GIB = 2**30
H100 = Silicon("H100-SXM-80GB", "Hopper", 79.19, 3.35, 989, 1979, None, 900)
ENGINE = Engine(max_model_len=8192, max_num_batched_tokens=8192, max_num_seqs=256)


def model(name: str) -> Architecture:
    return architecture(objects("configs")[name])


def replica(
    name: str, quantization: str | None = None, units: int = 1, stages: int = 1, **further: Any
) -> Replica:
    stored = objects("quantizations")[quantization] if quantization else None
    how = layout({"quantization_config": stored}) if stored else Layout("bf16")
    engine = replace(ENGINE, **further)
    return Replica(model(name), how, H100, engine, units, stages)


@pytest.mark.parametrize(
    ("name", "quantization", "units", "gib"),
    [
        ("llama-3.1-8b", None, 1, 14.99),
        ("llama-3.1-8b", None, 4, 3.77),
        ("llama-3.1-8b", "w8a8", 1, 8.49),
        ("llama-3.3-70b", "fp8-dynamic", 2, 33.88),
        ("qwen2.5-7b", None, 1, 14.25),
        ("qwen2.5-7b", "fp8-dynamic", 1, 8.14),
        ("gemma-2-2b", None, 1, 4.90),
        ("gemma-3-12b", None, 1, 23.31),
        ("phi-2", None, 1, 5.19),
        ("qwen1.5-moe-a2.7b", None, 1, 26.67),
        ("qwen3-next-80b-a3b", None, 2, 74.28),
        ("llama-4-scout", None, 4, 53.12),
        ("mistral-small-3.1-24b", None, 1, 44.76),
        ("granite-vision-3.3-2b", None, 1, 5.54),
    ],
)
def test_public_logs_state_as_many_gib(name: str, quantization: str | None, units: int, gib: float) -> None:
    name = "llama-3.1-70b" if name == "llama-3.3-70b" else name
    asked = replica(name, quantization, units)
    held = stage_weights_bytes(asked)[0] + rounded_up_bytes(asked)[0]
    assert held / GIB == pytest.approx(gib, abs=0.012)


# Bytes of vLLM 0.29's own classes with the same quantization_config, built on the meta device, in MiB.
@pytest.mark.parametrize(
    ("name", "quantization", "units", "mib"),
    [
        ("llama-3.1-8b", "fp8", 2, 4362.51),
        ("llama-3.1-8b", "fp8-dynamic", 2, 4365.63),
        ("llama-3.1-8b", "fp8-block", 1, 8694.13),
        ("llama-3.1-8b", "w8a8", 2, 4365.63),
        ("llama-3.1-8b", "w4a16", 2, 2750.51),
        ("llama-3.1-8b", "awq", 2, 2763.51),
        ("llama-3.1-8b", "nvfp4", 2, 2906.51),
        ("qwen3-30b-a3b", "fp8-dynamic", 2, 14950.75),
        ("qwen3-30b-a3b", "w8a8", 2, 14950.75),
        ("qwen3-30b-a3b", "nvfp4", 2, 8647.04),
        ("deepseek-v3", "fp8-block", 1, 641986.45),
        ("qwen3-next-80b-a3b", "fp8-dynamic", 2, 38635.37),
    ],
)
def test_quantized_weights_are_those_of_vllms_classes(
    name: str, quantization: str, units: int, mib: float
) -> None:
    assert weights_bytes(replica(name, quantization, units)) / 2**20 == pytest.approx(mib, abs=0.2)


def test_layers_that_do_not_divide_go_to_stages_before_the_last() -> None:
    assert [len(layers) for layers in stage_layers(10, 4)] == [2, 3, 3, 2]
    assert [len(layers) for layers in stage_layers(9, 4)] == [2, 2, 3, 2]
    assert [len(layers) for layers in stage_layers(11, 4)] == [3, 3, 3, 2]


def test_the_fullest_stage_counts() -> None:
    asked = replica("llama-3.1-8b", stages=4)
    assert weights_bytes(asked) == max(stage_weights_bytes(asked))
    assert len(stage_weights_bytes(asked)) == 4


def test_tied_embeddings_stand_once_on_one_stage_and_twice_over_two() -> None:
    one, two = replica("qwen3-0.6b"), replica("qwen3-0.6b", stages=2)
    embedding = 2 * 151936 * 1024
    assert sum(stage_weights_bytes(two)) - weights_bytes(one) > embedding


def test_experts_stand_whole_on_their_ranks_where_experts_are_dealt_out() -> None:
    split = weights_bytes(replica("qwen3-30b-a3b", units=4))
    whole = weights_bytes(replica("qwen3-30b-a3b", units=4, enable_expert_parallel=True))
    assert whole == split


def test_every_part_is_one_of_the_named_parts() -> None:
    found = {
        matrix.part for name in ("deepseek-v3", "qwen3-next-80b-a3b") for _, matrix in matrices(model(name))
    }
    assert found == {"attention", "dense", "experts", "shared", "router", "recurrent", "embedding", "head"}


def test_towers_are_parameters_of_the_checkpoint() -> None:
    scout = model("llama-4-scout")
    assert parameters(scout) - parameters(scout, towers=False) == scout.towers[0].params > 800e6
