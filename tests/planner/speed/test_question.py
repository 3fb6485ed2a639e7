"""Conditions as public benchmarks state them."""

import pytest

from inference_stack.planner.case import CaseError
from inference_stack.planner.speed.question import parse

ROW = {
    "id": "a",
    "model_hf_id": "Qwen/Qwen3-32B",
    "gpu": "H100-SXM-80GB",
    "gpu_count": "2",
    "tp": "2",
    "input_len_mean": "1024",
    "output_len_mean": "128",
    "concurrency": "8",
}


def test_numbers_may_be_text_and_results_are_never_inputs():
    plain = parse([ROW])[0]
    full = parse(
        [{**ROW, "ttft_ms_p50": "9999", "trust": "low", "notes": "x", "tpot_ms_p50": "1", "dp": ""}]
    )[0]
    assert plain.replica == full.replica
    assert plain.load == full.load
    assert plain.speed == full.speed


@pytest.mark.parametrize(
    ("precision", "name"),
    [
        ("", "bf16"),
        ("bf16", "bf16"),
        ("fp8", "fp8-block"),
        ("int4", "awq"),
        ("fp4", "nvfp4"),
        ("gptq", "gptq"),
    ],
)
def test_a_precision_is_the_stored_layout_that_goes_by_it(precision, name):
    assert parse([{**ROW, "precision": precision}])[0].replica.layout.name == name


def test_a_checkpoint_that_is_stored_so_is_taken_as_it_is():
    row = {**ROW, "model_hf_id": "openai/gpt-oss-120b", "precision": "fp4"}
    assert parse([row])[0].replica.layout.name == "mxfp4"


def test_a_name_without_its_publisher_is_found():
    row = {**ROW, "model_hf_id": "DeepSeek-R1-0528-AWQ", "gpu_count": "8", "tp": ""}
    assert parse([row])[0].replica.layout.name == "awq"


@pytest.mark.parametrize(
    ("gpus", "tp", "replicas", "stated"), [("8", 8, 1, True), ("20", 4, 5, False), ("1", 1, 1, True)]
)
def test_gpus_without_a_width_are_split_as_widely_as_a_node_allows(gpus, tp, replicas, stated):
    asked = parse([{**ROW, "gpu_count": gpus, "tp": "", "concurrency": "40"}])[0]
    assert (asked.replica.tensor_parallel, asked.replicas, asked.split_stated) == (tp, replicas, stated)
    assert asked.load.concurrency == 40 / replicas


def test_an_unstated_split_widens_the_first_token_upwards():
    row = {**ROW, "gpu_count": "20", "tp": "", "concurrency": "40"}
    open_, stated = parse([row])[0].speed, parse([{**row, "tp": "4"}])[0].speed
    assert open_.ttft_ms.high == pytest.approx(5 * stated.ttft_ms.high)
    assert open_.ttft_ms.value == stated.ttft_ms.value


def test_arrivals_by_rate_are_open_and_bursts_come_at_once():
    rate = {**ROW, "concurrency": "", "request_rate_rps": "4"}
    assert parse([rate])[0].load.arrival == "open"
    assert parse([{**ROW, "load_mode": "burst"}])[0].load.arrival == "burst"


def test_a_model_outside_the_catalog_is_given_by_its_config():
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "torch_dtype": "bfloat16",
    }
    rows = [{**ROW, "model_hf_id": "", "config": config}, {**ROW, "model_hf_id": "", **config}]
    given, beside = parse(rows)
    assert given.replica == beside.replica
    assert given.replica.model.layers == 16


def test_every_error_of_every_question_comes_at_once():
    rows = [
        {**ROW, "id": "unknown", "model_hf_id": "nobody/nothing"},
        {**ROW, "id": "idle", "concurrency": ""},
        {**ROW, "id": "misspelt", "concurency": "8"},
        {**ROW, "id": "odd", "precision": "fp3"},
        {**ROW, "id": "short", "input_len_mean": ""},
    ]
    with pytest.raises(CaseError) as raised:
        parse(rows)
    said = str(raised.value)
    for part in ("nobody/nothing", "idle", "concurency", "'fp3'", "short: input_len_mean: missing"):
        assert part in said
