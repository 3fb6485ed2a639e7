"""`inference-stack fit`, as people and programs call it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from inference_stack.cli import app

FIELDS = {
    *(
        "id",
        "weights_gib",
        "prepared_gib",
        "activation_gib",
        "non_torch_gib",
        "cudagraph_gib",
        "adapters_gib",
        "draft_gib",
    ),
    *("kv_gib", "kv_tokens", "max_concurrency", "fits", "limit", "range", "requested_gib", "assumed"),
}
ASKED: dict[str, Any] = {"id": "a", "model": "Qwen/Qwen3-8B", "gpu": "H100-80GB-SXM"}


def run(*arguments: str, given: Any = None) -> Result:
    return CliRunner().invoke(app, ["fit", *arguments], input=None if given is None else json.dumps(given))


def test_a_case_that_is_wrong_does_not_cost_the_others_their_answers() -> None:
    wrong = ASKED | {"id": "b", "tp": 0, "gpu": "H1000"}
    result = run("--json", "-", given=[ASKED, wrong, ASKED | {"id": "c"}])
    assert result.exit_code == 1
    answers = json.loads(result.stdout)
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert len(answers[1]["errors"]) == 2
    assert set(answers[2]) == FIELDS
    assert "[1] b: tp" in result.stderr


def test_a_list_in_is_a_list_out_in_its_order() -> None:
    result = run("--json", "-", given=[ASKED, ASKED | {"id": "b", "tp": 2}])
    assert result.exit_code == 0
    answers = json.loads(result.stdout)
    assert [answer["id"] for answer in answers] == ["a", "b"]
    assert set(answers[0]) == FIELDS
    assert answers[0]["range"]["low"] < answers[0]["kv_gib"] < answers[0]["range"]["high"]


def test_a_case_that_does_not_fit_is_an_answer() -> None:
    result = run("--json", "-", given=[ASKED | {"model": "meta-llama/Llama-3.1-405B-Instruct"}])
    assert result.exit_code == 0
    (answer,) = json.loads(result.stdout)
    assert (answer["fits"], answer["kv_tokens"], answer["max_concurrency"]) == (False, 0, 0)
    assert answer["limit"].startswith("weights")


def test_bad_input_ends_with_1_and_says_where() -> None:
    result = run("--json", "-", given=[ASKED, ASKED | {"id": "b", "model": "no/such"}])
    assert result.exit_code == 1
    assert "[1] b: model: 'no/such' is not in the catalog" in result.stderr


@pytest.mark.parametrize(("text", "told"), [("{", "no JSON"), ("{}", "a list of cases is needed")])
def test_input_that_is_no_list_is_refused(text: str, told: str) -> None:
    result = CliRunner().invoke(app, ["fit", "--json", "-"], input=text)
    assert result.exit_code == 1
    assert told in result.stderr


def test_one_case_by_options() -> None:
    result = run(
        "--model",
        "Qwen/Qwen3-8B",
        "--sku",
        "Standard_NC40ads_H100_v5",
        "--mig",
        "MIG2g",
        "--max-model-len",
        "8192",
        "--json",
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout)["fits"] is True


def test_people_see_parts_and_what_is_left() -> None:
    result = run("--model", "Qwen/Qwen3-8B", "--gpu", "H100")
    assert result.exit_code == 0
    for shown in ("weights", "activations", "KV cache", "fits: ", "longest context"):
        assert shown in result.stdout


def test_people_see_what_forbids_a_start_and_what_would_allow_it() -> None:
    result = run("--model", "Qwen/Qwen2.5-72B-Instruct", "--gpu", "H100")
    assert result.exit_code == 0
    assert "does not fit. weights" in result.stdout
    assert "fits with tensor parallel 4" in result.stdout


def test_a_config_from_a_file(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "model_type": "qwen3",
                "hidden_size": 1024,
                "intermediate_size": 3072,
                "num_hidden_layers": 28,
                "num_attention_heads": 16,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "vocab_size": 151936,
                "max_position_embeddings": 40960,
                "tie_word_embeddings": True,
            }
        )
    )
    result = run("--config", str(config), "--gpu", "L40S", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["weights_gib"] == pytest.approx(1.11, abs=0.02)
