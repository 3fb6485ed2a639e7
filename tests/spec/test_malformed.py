"""Malformed environments: every fault at once, at the user's own path, with what is allowed there."""

from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from inference_stack.cli import app
from inference_stack.planner import plan_environment
from inference_stack.spec import CONFIG_KEY, InvalidEnvironment, Severity
from tests.spec.malformed_table import BASE, CROSS_FIELD, FOLDER, MALFORMED, TABLE, Malformed

by_name = pytest.mark.parametrize("malformed", MALFORMED, ids=lambda each: each.name)


@cache
def refusal(malformed: Malformed) -> InvalidEnvironment:
    data = yaml.safe_load(malformed.text)["config"][CONFIG_KEY]
    with pytest.raises(InvalidEnvironment) as raised:
        plan_environment(data, name="test", file=f"{malformed.name}.yaml", text=malformed.text)
    return raised.value


def test_the_base_of_the_table_is_sound() -> None:
    assert plan_environment(BASE, name="base", file="base.yaml").models


def test_the_table_is_as_large_as_it_must_be() -> None:
    assert len(MALFORMED) >= 60
    assert 3 * sum(each.is_cross_field for each in MALFORMED) >= len(MALFORMED)
    assert sum(len(each.wrong) >= 3 for each in MALFORMED) >= 10
    assert {code for each in MALFORMED for _, code, *_ in each.wrong} >= CROSS_FIELD


def test_every_whole_file_stands_in_the_table() -> None:
    named = {entry["file"] for entry in TABLE["environments"].values() if "file" in entry}
    assert named == {file.name for file in FOLDER.iterdir()}


@by_name
def test_all_faults_are_told_at_once_and_none_by_its_echo(malformed: Malformed) -> None:
    findings = refusal(malformed).findings
    assert {finding.severity for finding in findings} == {Severity.ERROR}
    assert sorted((each.path, each.code) for each in findings) == sorted(
        (each.path, each.code) for each in malformed.wrong
    )
    for wrong in malformed.wrong:
        alike = [each for each in findings if (each.path, each.code) == (wrong.path, wrong.code)]
        assert any(wrong.allowed in (each.allowed or "") for each in alike), wrong
        assert wrong.line is None or {each.line for each in alike} == {wrong.line}


@by_name
def test_the_rendered_error_names_file_and_line_in_order_and_counts(malformed: Malformed) -> None:
    refused = refusal(malformed)
    told = str(refused)
    lines = [finding.line for finding in refused.findings]
    assert None not in lines
    assert lines == sorted(lines, key=lambda line: line or 0)
    for finding in refused.findings:
        assert f"{malformed.name}.yaml:{finding.line}: {finding.path}" in told
        assert f"allowed: {finding.allowed}" in told
    count = len(malformed.wrong)
    plural = "s" * (count != 1)
    assert told.endswith(f"{count} error{plural} in {malformed.name}.yaml; nothing was created.")


@by_name
def test_the_command_tells_every_path_and_exits_with_1(malformed: Malformed, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["plan", "--file", str(malformed.written(tmp_path))])
    assert run.exit_code == 1
    assert run.stdout == ""
    for wrong in malformed.wrong:
        assert f": {wrong.path}" in run.stderr
    assert "Traceback" not in run.stderr
