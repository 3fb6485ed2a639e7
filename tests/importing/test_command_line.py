"""`inference-stack import`, as somebody types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_stack.cli import app
from inference_stack.planner import plan_environment
from inference_stack.spec import read
from tests.importing.sources import SERVICE


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "service.yaml"
    file.write_text(SERVICE)
    return file


def test_it_prints_the_environment_and_lists_the_rest_beside_it(source: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["import", str(source)])
    assert run.exit_code == 0
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(run.stdout)
    assert len(plan_environment(read(file).data, name="x", file=str(file)).models) == 2
    assert "not carried over: " in run.stderr
    assert "keys carried over" in run.stderr


def test_it_writes_a_file_and_over_one_only_when_told(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "Pulumi.x.yaml"
    asked = ["import", str(source), "--out", str(out)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    written = out.read_text()
    out.write_text("mine")
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code != 0
    assert "--force" in refused.output
    assert out.read_text() == "mine"
    assert CliRunner().invoke(app, [*asked, "--force"]).exit_code == 0
    assert out.read_text() == written


def test_json_has_the_environment_and_what_became_of_each_key(source: Path) -> None:
    run = CliRunner().invoke(app, ["import", str(source), "--json"])
    told = json.loads(run.stdout)
    assert [each["name"] for each in told["environment"]["models"]] == ["chat-7b", "small"]
    assert {"path": "metadata.name", "to": "x"}.keys() == told["carried"][0].keys()
    assert {each["code"] for each in told["findings"]} == {"import-derived", "import-left"}
    assert {each["code"] for each in told["to_check"]} == {"import-assumed"}


@pytest.mark.parametrize("name", ["nothing.yaml", "missing.yaml"])
def test_where_there_is_no_engine_it_says_so_and_writes_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "nothing.yaml").write_text("kind: Secret\n")
    out = tmp_path / "Pulumi.x.yaml"
    run = CliRunner().invoke(app, ["import", str(tmp_path / name), "--out", str(out)])
    assert run.exit_code == 1
    assert not out.exists()
    assert run.stderr
