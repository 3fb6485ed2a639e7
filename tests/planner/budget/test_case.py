"""Questions as JSON: what is read, what is ignored, what is refused and how."""

from typing import Any

import pytest

from inference_stack.planner.case import CaseError, parse

ASKED: dict[str, Any] = {"id": "one", "model": "Qwen/Qwen3-8B", "gpu": "H100-80GB-SXM"}
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}


def refused(*given: Any) -> list[str]:
    with pytest.raises(CaseError) as error:
        parse(given)
    return str(error.value).splitlines()


def test_defaults_are_those_of_the_pinned_release_on_the_card() -> None:
    engine = parse([ASKED])[0].replica.engine
    assert (engine.version, engine.gpu_memory_utilization) == ("0.29.0", 0.92)
    assert (engine.max_num_batched_tokens, engine.max_num_seqs, engine.max_model_len) == (8192, 1024, 40960)


def test_an_a100_and_a_slice_get_shorter_steps() -> None:
    for given in ({"gpu": "A100-80GB"}, {"gpu": "H100-NVL-94GB", "mig": "2g.24gb"}):
        engine = parse([ASKED | given])[0].replica.engine
        assert (engine.max_num_batched_tokens, engine.max_num_seqs) == (2048, 256)


def test_what_a_log_measured_is_never_read() -> None:
    measured = {
        "kv_gib": 1.0,
        "weights_gib": 900.0,
        "activation_gib": 70,
        "cudagraph_subtracted": True,
        "url": "x",
    }
    assert parse([ASKED | measured])[0].replica == parse([ASKED])[0].replica


def test_a_field_that_is_null_is_a_field_that_is_absent() -> None:
    assert parse([ASKED | {"max_num_seqs": None, "quantization": None}])[0] == parse([ASKED])[0]


@pytest.mark.parametrize(
    "given", [{"config": LLAMA}, {"model": LLAMA}, {"model": "mine", "config": LLAMA}, LLAMA]
)
def test_a_model_outside_the_catalog_is_given_by_its_config(given: dict[str, Any]) -> None:
    replica = parse([{"id": "mine", "gpu": "L40S", **given}])[0].replica
    assert (replica.model.layers, replica.model.hidden_size) == (16, 2048)


def test_ids_are_found_whatever_their_case() -> None:
    assert parse([ASKED | {"model": "qwen/qwen3-8b"}])[0].replica == parse([ASKED])[0].replica


def test_fp8_quantizes_a_16_bit_checkpoint_as_it_loads() -> None:
    assert parse([ASKED | {"quantization": "fp8"}])[0].replica.layout.compute == "fp8"


@pytest.mark.parametrize(("said", "read"), [("V0 0.8.x", "0.8"), ("~0.6.4 V0 (2024-12-02)", "0.6.4")])
def test_a_release_is_read_out_of_what_a_log_says(said: str, read: str) -> None:
    assert parse([ASKED | {"vllm_version": said}])[0].replica.engine.version == read


def test_what_is_assumed_is_said() -> None:
    assert parse([ASKED])[0].assumed == ("vllm_version: 0.29.0",)
    assert parse([ASKED | {"vllm_version": "0.19.0"}])[0].assumed == ()
    unclear = parse([ASKED | {"vllm_version": "nightly"}])[0].assumed
    assert unclear == ("vllm_version: 'nightly' names no release; 0.29.0",)


def test_all_errors_of_all_questions_are_told_with_id_and_path() -> None:
    told = refused(ASKED | {"model": "x/y", "gpu": "H1000"}, ASKED | {"id": "two", "tp": 0, "gpus": 1})
    assert [line.split(":")[0] for line in told] == ["[0] one", "[0] one", "[1] two", "[1] two"]
    assert any("model: 'x/y' is not in the catalog" in line for line in told)
    assert any("gpus: unknown field; did you mean gpu" in line for line in told)


def test_what_else_is_wrong_is_told_beside_a_field_of_the_wrong_type() -> None:
    told = refused(ASKED | {"tp": "many", "model": "Qwen/Qwen3-8C"})
    assert len(told) == 2
    assert "did you mean Qwen/Qwen3-8B" in told[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"gpu": None}, "gpu: missing"),
        ({"model": None}, "model: missing"),
        ({"max_model_len": 10**9}, "allowed: ≤ 40960"),
        ({"dtype": "int3"}, "'int3' is no dtype; allowed: auto, bfloat16"),
        ({"gpu": "H100-NVL-94GB", "mig": "1g.12gb", "tp": 2}, "tensor parallel does not span slices"),
        ({"lora": {"count": 2, "rank": 7}}, "lora.rank"),
        ({"gpu_memory_utilization": 2.0}, "gpu_memory_utilization"),
        ({"draft_model": "none/such"}, "draft_model: 'none/such' is not in the catalog"),
        ({"config": {"model_type": "llama"}}, "num_hidden_layers"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(given: dict[str, Any], told: str) -> None:
    assert any(told in line for line in refused(ASKED | given))


def test_a_question_that_is_no_object_is_refused() -> None:
    assert refused("Qwen/Qwen3-8B")[0].startswith("[0]: ")
