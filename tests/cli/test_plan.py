import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from inference_stack.cli import app
from inference_stack.planner import Plan

ROOT = Path(__file__).parents[2]
MALFORMED = ROOT / "tests" / "spec" / "malformed" / "rules.yaml"

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def told(*arguments: str) -> str:
    result = runner.invoke(app, ["plan", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    result = runner.invoke(app, ["plan", *arguments])
    assert result.exit_code == 2
    return " ".join(result.stderr.replace("│", " ").split())


def test_it_reads_the_environment_of_a_name() -> None:
    assert told("--env", "prod").startswith("prod in eastus2")


def test_json_is_a_plan() -> None:
    assert Plan.model_validate_json(told("--json")).name == "dev"


def test_markdown_is_for_a_pull_request() -> None:
    assert told("--markdown").startswith("### dev in swedencentral\n")


def test_a_picture_goes_into_a_file_beside_what_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"
    assert told("--markdown", "--svg", str(file)).startswith("### dev")
    assert ElementTree.fromstring(file.read_text()).tag.endswith("svg")  # noqa: S314 - our own


def test_a_picture_alone_goes_to_standard_output() -> None:
    assert ElementTree.fromstring(told("--svg", "-")).tag.endswith("svg")  # noqa: S314 - our own


def test_a_picture_that_cannot_be_written_is_a_fault_and_no_traceback(tmp_path: Path) -> None:
    assert "cannot be written" in refused("--svg", str(tmp_path))


def test_details_show_engine_arguments_and_a_plan_in_short_does_not() -> None:
    assert "max_model_len=" in told("--details")
    assert "max_model_len=" not in told()


def test_details_of_a_model_by_its_name() -> None:
    shown = told("--model", "copilot")
    assert shown.count("max_model_len=") == 1


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    assert "no model nope in this environment; there are copilot" in refused("--model", "nope")


def test_two_forms_at_once_are_refused() -> None:
    assert "print one or the other" in refused("--json", "--markdown")


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
    assert {
        "code",
        "severity",
        "path",
        "given",
        "what",
        "allowed",
        "remedy",
        "reference",
        "line",
    } == findings[0].keys()


def test_faults_as_markdown_are_told_too() -> None:
    result = runner.invoke(app, ["plan", "--markdown", "--file", str(MALFORMED)])
    assert result.exit_code == 1
    assert "8 errors, nothing was created" in result.stdout


def test_a_file_that_is_not_there_is_a_fault_and_no_traceback() -> None:
    result = runner.invoke(app, ["plan", "--env", "nope"])
    assert result.exit_code == 1
    assert "Pulumi.dev.yaml" in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_changes_against_the_same_plan(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(told("--json"))
    assert "Nothing changes." in told("--against", str(old))
    assert "Nothing changes." in told("--against", str(old), "--markdown")
    assert not any(json.loads(told("--against", str(old), "--json")).values())


def test_what_changes_against_another_environment_is_told(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(told("--env", "prod", "--json"))
    found = json.loads(told("--against", str(old), "--json"))
    removed = {model["name"] for model in found["models"] if model["how"] == "removed"}
    assert removed == {"code", "assistant", "analyst", "reasoner", "summaries"}
    assert "-  assistant" in told("--against", str(old))


def test_a_file_that_holds_no_plan_is_a_fault_and_no_traceback(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text("{}")
    result = runner.invoke(app, ["plan", "--against", str(old)])
    assert result.exit_code == 1
    assert f"{old}: holds no plan of this version" in result.stderr


def test_a_difference_has_no_details() -> None:
    assert "a difference has no details" in refused("--details", "--against", "README.md")
