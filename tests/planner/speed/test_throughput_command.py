"""`inference-stack throughput`."""

import json

from typer.testing import CliRunner

from inference_stack.cli import app

ROW = {
    "id": "a",
    "model_hf_id": "openai/gpt-oss-120b",
    "gpu": "H200-SXM-141GB",
    "gpu_count": "1",
    "tp": "1",
    "input_len_mean": "1024",
    "output_len_mean": "1024",
    "concurrency": "16",
    "ttft_ms_p50": "133.2",
}
FIGURES = ("ttft_ms", "tpot_ms", "output_tok_s")


def run(*arguments: str, given: object = None):
    return CliRunner().invoke(app, ["throughput", *arguments], input=json.dumps(given))


def test_a_list_in_is_a_list_out():
    result = run("--json", "-", given=[ROW, {**ROW, "id": "b"}])
    assert result.exit_code == 0
    answers = json.loads(result.stdout)
    assert [answer["id"] for answer in answers] == ["a", "b"]
    for figure in FIGURES:
        assert answers[0][f"{figure}_low"] < answers[0][figure] < answers[0][f"{figure}_high"]
    assert answers[0]["bottleneck"]
    assert answers[0]["calibration"].startswith("fitted")


def test_a_sweep_is_a_table_of_three_figures():
    result = run("--model", "Qwen/Qwen3-8B", "--gpu", "A100-SXM-80GB")
    assert result.exit_code == 0
    assert "TPOT" in result.stdout
    assert "Calibration: " in result.stdout


def test_unknown_models_are_named_all_at_once_without_a_traceback():
    rows = [{**ROW, "id": "x", "model_hf_id": "no/one"}, {**ROW, "id": "y", "model_hf_id": "no/two"}]
    result = run("--json", "-", given=rows)
    assert result.exit_code == 1
    assert "no/one" in result.stderr
    assert "no/two" in result.stderr
    assert "Traceback" not in result.stderr


def test_something_else_than_a_list_is_refused():
    result = run("--json", "-", given={"id": "a"})
    assert result.exit_code == 1
    assert "a JSON list" in result.stderr


def test_a_config_that_is_no_json_is_refused_without_a_traceback(tmp_path):
    broken = tmp_path / "config.json"
    broken.write_text("{")
    result = run("--config", str(broken), "--gpu", "H100-SXM-80GB")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "config.json: no JSON" in result.stderr
