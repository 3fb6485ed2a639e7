import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_stack.catalog import CATALOG
from inference_stack.cli import app

ROOT = Path(__file__).parents[2]

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")


def test_skus_lists_every_size_and_marks_prices_that_nobody_confirmed() -> None:
    told = runner.invoke(app, ["skus"]).stdout
    assert all(name in told for name in CATALOG.skus)
    assert "0.11?" in told
    assert "unknown" in told


def test_models_lists_every_model_with_its_licence() -> None:
    told = runner.invoke(app, ["models"]).stdout
    assert all(row.licence in told for row in CATALOG.models.values())


@pytest.mark.parametrize(("command", "count"), [("skus", len(CATALOG.skus)), ("models", len(CATALOG.models))])
def test_the_catalog_as_json_has_source_and_date_in_every_row(command: str, count: int) -> None:
    rows = json.loads(runner.invoke(app, [command, "--json"]).stdout)
    assert len(rows) == count
    assert all(row["source"] and row["date"] for row in rows)


def test_version_is_printed() -> None:
    assert runner.invoke(app, ["--version"]).stdout.startswith("inference-stack 0.")


def test_skus_can_list_gpus_outside_of_azure_too() -> None:
    told = runner.invoke(app, ["skus", "--gpus"]).stdout
    assert all(name in told for name in CATALOG.gpus)


@pytest.mark.parametrize(
    ("options", "kept", "dropped"),
    [
        (["--search", "QWEN3-8B"], "Qwen/Qwen3-8B", "Qwen/Qwen3-14B"),
        (["--family", "qwen3_moe"], "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-8B"),
        (["--licence", "mit"], "microsoft/phi-4", "Qwen/Qwen3-8B"),
        (["--origin", "fr"], "mistralai/Mistral-7B-v0.1", "Qwen/Qwen3-8B"),
    ],
)
def test_models_are_filtered(options: list[str], kept: str, dropped: str) -> None:
    rows = json.loads(runner.invoke(app, ["models", "--json", *options]).stdout)
    assert kept in {row["id"] for row in rows}
    assert dropped not in {row["id"] for row in rows}


def test_a_filter_for_what_is_not_there_names_what_is() -> None:
    result = runner.invoke(app, ["models", "--licence", "apache"])
    assert result.exit_code == 2
    assert "apache-2.0" in result.stderr


def test_models_without_variants_say_how_many_they_leave_out() -> None:
    told = runner.invoke(app, ["models", "--family", "qwen3"]).stdout
    assert "Qwen/Qwen3-8B-AWQ" not in told
    assert "quantized variants: --variants" in told
    assert "Qwen/Qwen3-8B-AWQ" in runner.invoke(app, ["models", "--family", "qwen3", "--variants"]).stdout


def test_models_as_json_carry_derived_figures() -> None:
    (row,) = json.loads(
        runner.invoke(app, ["models", "--json", "--search", "Qwen3-30B-A3B-Thinking-2507-FP8"]).stdout
    )
    assert row["params"] == 30532122624
    assert row["active_params"] == 3353032704
    assert 28 < row["weights_gib"] < 31
    assert row["kv_bytes_per_token"] == 48 * 4 * 2 * 128 * 2


def test_workloads_lists_each_class_with_its_candidates() -> None:
    told = runner.invoke(app, ["workloads"]).stdout
    for row in CATALOG.workloads.values():
        assert row.name in told
        assert all(each.model in told for each in row.candidates)


def test_workloads_as_json_say_what_a_device_needs() -> None:
    rows = {row["name"]: row for row in json.loads(runner.invoke(app, ["workloads", "--json"]).stdout)}
    assert all(row["source"] and row["date"] for row in rows.values())
    edge = {each["model"]: each for each in rows["edge"]["candidates"]}
    assert edge["microsoft/Phi-4-mini-instruct"]["runtime"] == "ONNX Runtime GenAI"
    assert 2 < edge["microsoft/Phi-4-mini-instruct"]["memory_gib"] < 4
    assert "memory_gib" not in rows["code"]["candidates"][0]
