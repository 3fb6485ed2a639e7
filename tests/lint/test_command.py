"""`inference-stack lint` as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_stack.cli import app

ROOT = Path(__file__).parents[2]
WRONG = "vllm serve a --swap-space 4\n"
RIGHT = "vllm serve a --max-num-seqs 4\n"

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_errors_end_in_1_and_everything_else_in_0(tmp_path):
    script = tmp_path / "run.sh"
    script.write_text(WRONG)
    assert runner.invoke(app, ["lint", str(script)]).exit_code == 1
    script.write_text(RIGHT)
    assert runner.invoke(app, ["lint", str(script)]).exit_code == 0
    assert runner.invoke(app, ["lint", str(tmp_path)]).exit_code == 0
    assert runner.invoke(app, ["lint", str(tmp_path / "nowhere.sh")]).exit_code == 1


@pytest.mark.parametrize("form", ["--json", "--sarif", "--github"])
def test_the_forms_for_programs_end_alike(tmp_path, form):
    (tmp_path / "run.sh").write_text(WRONG)
    told = runner.invoke(app, ["lint", form, str(tmp_path)])
    assert told.exit_code == 1
    assert "swap-space" in told.stdout


def test_the_standard_input_is_read(monkeypatch):
    told = runner.invoke(app, ["lint", "-", "--json"], input=WRONG)
    assert told.exit_code == 1
    assert [(each["file"], each["line"], each["column"]) for each in json.loads(told.stdout)] == [
        ("<stdin>", 1, 14)
    ]
    manifest = "llm_configs:\n- model_loading_config: {model_id: a}\n  engine_kwargs: {swap_space: 4}\n"
    assert "swap_space" in runner.invoke(app, ["lint", "-"], input=manifest).stdout


def test_another_engine_judges_by_what_it_knows(tmp_path):
    told = json.loads(runner.invoke(app, ["lint", "-", "--json", "--engine", "0.33.0"], input=WRONG).stdout)
    assert "0.33.0" in told[0]["what"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--engine", "0.1.0", "a.yaml"], "0.29.0"),
        (["--json", "--sarif", "a.yaml"], "print one of them"),
        ([], "name files or folders"),
        (["--engine-args", "-"], "goes with --json"),
        (["--engine-args", "-", "--json", "a.yaml"], "goes with --json"),
        (["--engine-args", "nowhere.json", "--json"], "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments, said):
    told = runner.invoke(app, ["lint", *arguments], env={"COLUMNS": "200"})
    assert told.exit_code == 2
    assert said in told.output


def test_sets_of_arguments_are_judged_one_by_one():
    sets = [{"id": "a", "kind": "ray_llm_config", "engine_args": {"swap_space": 4}, "frontend_args": {}}]
    told = runner.invoke(app, ["lint", "--json", "--engine-args", "-"], input=json.dumps(sets))
    (answer,) = json.loads(told.stdout)
    assert (answer["id"], [each["path"] for each in answer["findings"]]) == ("a", ["engine_args.swap_space"])
    assert runner.invoke(app, ["lint", "--json", "--engine-args", "-"], input="{").exit_code == 2
    assert runner.invoke(app, ["lint", "--json", "--engine-args", "-"], input="{}").exit_code == 2


def test_both_our_environments_are_clean():
    told = runner.invoke(app, ["lint", "--json", "Pulumi.dev.yaml", "Pulumi.prod.yaml"])
    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert [each for each in found if each["severity"] == "error"] == []
    assert all(each["line"] for each in found)


def test_what_forbids_an_environment_stands_where_it_is_asked_for(tmp_path):
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    broken = tmp_path / "Pulumi.dev.yaml"
    broken.write_text(
        text.replace("  inference-stack:environment:\n", "  inference-stack:environment:\n    nonsense: 1\n")
    )
    found = json.loads(runner.invoke(app, ["lint", "--json", str(broken)]).stdout)
    errors = [each for each in found if each["severity"] == "error"]
    assert [(each["code"], each["path"]) for each in errors] == [("unknown-key", "nonsense")]
    assert broken.read_text().splitlines()[errors[0]["line"] - 1].strip() == "nonsense: 1"
