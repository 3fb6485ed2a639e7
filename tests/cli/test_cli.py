import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_stack.catalog import CATALOG
from inference_stack.cli import app
from inference_stack.planner import Plan

ROOT = Path(__file__).parents[2]
MALFORMED = ROOT / "tests" / "spec" / "malformed" / "rules.yaml"

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")


def test_plan_reads_the_environment_of_a_name() -> None:
    result = runner.invoke(app, ["plan", "--env", "prod"])
    assert result.exit_code == 0
    assert result.stdout.startswith("prod in swedencentral")


def test_plan_as_json_is_a_plan() -> None:
    result = runner.invoke(app, ["plan", "--json"])
    assert result.exit_code == 0
    assert Plan.model_validate_json(result.stdout).name == "dev"


def test_plan_reads_another_file(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text((ROOT / "Pulumi.dev.yaml").read_text())
    assert runner.invoke(app, ["plan", "--file", str(file)]).exit_code == 0


def test_faults_go_to_standard_error_with_exit_code_1() -> None:
    result = runner.invoke(app, ["plan", "--file", str(MALFORMED)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"8 errors in {MALFORMED}; nothing was created." in result.stderr


def test_faults_as_json_are_a_list_on_standard_output() -> None:
    result = runner.invoke(app, ["plan", "--json", "--file", str(MALFORMED)])
    assert result.exit_code == 1
    findings = json.loads(result.stdout)
    assert len(findings) == 8
    assert {"code", "severity", "path", "given", "what", "allowed", "remedy", "line"} == findings[0].keys()


def test_a_file_that_is_not_there_is_a_fault_and_no_traceback() -> None:
    result = runner.invoke(app, ["plan", "--env", "nope"])
    assert result.exit_code == 1
    assert "Pulumi.dev.yaml" in result.stderr
    assert "Traceback" not in result.stderr


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
