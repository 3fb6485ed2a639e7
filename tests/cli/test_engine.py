"""What vLLM takes, and what changes with its version, as the command tells it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from inference_stack.cli import app

ROOT = Path(__file__).parents[2]
runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "160")


def told(*arguments: str, exit_code: int = 0) -> str:
    result = runner.invoke(app, ["engine", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.stdout


def answered(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    return json.loads(told(*arguments, "--json", exit_code=exit_code))


def changed(**engine: object) -> str:
    """dev, where its model is given these arguments besides."""
    whole = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    whole["config"]["inference-stack:environment"]["models"][0]["engine"] = engine
    return yaml.safe_dump(whole)


def test_a_difference_tells_what_is_gone_renamed_and_new() -> None:
    found = answered("diff", "0.29.0", "0.33.0")
    kinds = {change["name"]: change["kind"] for change in found["changes"] if change["kind"] != "options"}
    assert kinds["enable_bf16x3_router_gemm"] == "removed"
    assert kinds["watchdog_config"] == "added"
    assert kinds["max_num_scheduled_tokens"] == "bounds"
    assert kinds["allowed_origins"] == "default"
    assert kinds["kv_transfer_config.kv_rank"] == "removed"
    assert found["environment"] is None


def test_a_version_does_not_differ_from_itself() -> None:
    assert answered("diff", "0.29.0", "0.29.0")["changes"] == []


def test_a_pair_that_breaks_with_the_pinned_ray_is_told() -> None:
    assert "vllm.entrypoints.launchers.cli_args" in told("diff", "0.29.0", "0.33.0")
    assert answered("diff", "0.33.0", "0.29.0")["pair"] is None


def test_an_environment_whose_pair_breaks_would_break() -> None:
    found = answered("diff", "0.29.0", "0.33.0", "--env", "prod", exit_code=1)
    assert found["environment"]["breaks"]
    engines = found["environment"]["engines"]
    assert {"copilot", "reasoner", "reasoner, prefill"} <= set(engines)
    assert engines["copilot"]["refused"] == []
    assert "max_model_len" in engines["copilot"]["given"]
    assert "kv_transfer_config.kv_role" in engines["reasoner, prefill"]["given"]
    assert "disable_cascade_attn" in [change["name"] for change in engines["copilot"]["defaults"]]


def test_an_environment_that_keeps_working_ends_well() -> None:
    assert not answered("diff", "0.33.0", "0.29.0", "--env", "prod")["environment"]["breaks"]
    assert "prod keeps working." in told("diff", "0.33.0", "0.29.0", "--env", "prod")


def test_what_an_environment_gives_and_the_new_version_refuses_is_told(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.changed.yaml"
    file.write_text(changed(mamba_cache_mode="all", disable_cascade_attn=False))
    found = answered("diff", "0.29.0", "0.33.0", "--file", str(file), exit_code=1)
    (engine,) = found["environment"]["engines"].values()
    assert [fault["path"] for fault in engine["refused"]] == ["mamba_cache_mode"]
    assert "disable_cascade_attn" not in [change["name"] for change in engine["defaults"]]
    shown = told("diff", "0.29.0", "0.33.0", "--file", str(file), exit_code=1)
    assert "1 refused" in shown
    assert "would break." in shown


def test_a_version_that_is_not_known_is_refused_with_those_that_are() -> None:
    result = runner.invoke(app, ["engine", "diff", "0.29.0", "0.12.0"])
    assert result.exit_code == 2
    assert "0.33.0" in result.stderr


@pytest.mark.parametrize("name", ["tensor_parallel_size", "--tensor-parallel-size", "-tp"])
def test_an_argument_is_found_as_python_or_an_option_writes_it(name: str) -> None:
    result = runner.invoke(app, ["engine", "args", "--", name])
    assert "tensor_parallel_size" in result.stdout
    assert "≥ 1" in result.stdout


def test_a_field_of_an_object_is_found_by_its_path() -> None:
    assert answered("args", "speculative_config.method")["values"]


def test_all_arguments_are_listed_of_the_version_that_is_asked() -> None:
    assert len(json.loads(told("args", "--json"))) == 297
    assert "watchdog_config" in told("args", "--engine", "0.33.0")
    assert "watchdog_config" not in told("args")


@pytest.mark.parametrize(
    ("name", "said"),
    [("swap_space", "gone since vLLM 0.18.0"), ("max_num_seq", "did you mean max_num_seqs?")],
)
def test_a_name_that_vllm_does_not_take_is_told_with_what_to_do(name: str, said: str) -> None:
    result = runner.invoke(app, ["engine", "args", name])
    assert result.exit_code == 1
    assert said in result.stderr
