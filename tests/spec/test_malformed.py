"""Ten malformed environments: every fault at once, at the user's own path, with what is allowed there."""

import json
from pathlib import Path

import pytest

from inference_stack.planner import plan_environment
from inference_stack.spec import InvalidEnvironment, read

FOLDER = Path(__file__).with_name("malformed")
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def test_every_malformed_environment_has_its_expectation() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(EXPECTED)
    assert len(EXPECTED) == 10


@pytest.mark.parametrize("name", EXPECTED)
def test_all_faults_are_told_at_once_and_none_by_its_echo(name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    source = read(file)
    with pytest.raises(InvalidEnvironment) as raised:
        plan_environment(source.data, name=name, file=file.name, text=source.text)
    found = {(finding.path, finding.code, finding.line): finding for finding in raised.value.findings}
    wanted = {(each["path"], each["code"], each["line"]): each["allowed"] for each in EXPECTED[name]}
    assert found.keys() == wanted.keys()
    for key, allowed in wanted.items():
        assert allowed in (found[key].allowed or "")


@pytest.mark.parametrize("name", EXPECTED)
def test_the_rendered_error_names_file_and_line_in_order_and_counts(name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    source = read(file)
    with pytest.raises(InvalidEnvironment) as raised:
        plan_environment(source.data, name=name, file=file.name, text=source.text)
    told = str(raised.value)
    lines = [finding.line or 0 for finding in raised.value.findings]
    assert lines == sorted(lines)
    for each in EXPECTED[name]:
        assert f"{file.name}:{each['line']}: {each['path']}" in told
    assert told.endswith(f"{len(EXPECTED[name])} errors in {file.name}; nothing was created.")
