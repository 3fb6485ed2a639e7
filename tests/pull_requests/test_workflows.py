"""The workflows: what actionlint says of them, and what they may do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.stack import PROJECT
from localcloud.toolchain import Tool, Toolchain
from pull_requests.commits import environments

FOLDER = PROJECT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
ACTION = PROJECT / ".github" / "actions" / "azure-login" / "action.yml"
WRITES = {
    ("comment.yml", "comment", "pull-requests"),
    ("drift.yml", "drift", "id-token"),
    ("pull-request.yml", "preview-azure", "id-token"),
}
"""Every right to write, by workflow and job. `id-token` writes nothing: by it GitHub vouches for a job."""


def lint(toolchain: Toolchain, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [str(toolchain.path(Tool.ACTIONLINT)), "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def read(file: Path) -> dict[Any, Any]:
    return yaml.safe_load(file.read_text())


def test_actionlint_finds_nothing_in_any_workflow(toolchain: Toolchain) -> None:
    run = lint(toolchain, *FILES)
    assert run.returncode == 0, run.stdout
    assert len(FILES) == 3


def test_actionlint_finds_a_permission_that_github_does_not_know(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.yml"
    text = (FOLDER / "comment.yml").read_text()
    wrong.write_text(text.replace("pull-requests: write", "pull-request: write"))
    run = lint(toolchain, wrong)
    assert run.returncode == 1
    assert 'unknown permission scope "pull-request"' in run.stdout


@pytest.mark.parametrize("file", [*FILES, ACTION], ids=lambda file: file.stem)
def test_every_action_of_others_is_pinned_by_its_full_commit(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert all(
        name.startswith("./") or (re.search(r"@[0-9a-f]{40}$", name) and re.match(r" # v\d", version))
        for name, version in used
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_workflow_runs_with_a_stored_secret_or_with_the_rights_of_the_target(file: Path) -> None:
    text = file.read_text()
    assert "secrets." not in text
    assert "pull_request_target" not in text


def test_a_job_may_write_only_what_it_is_there_for() -> None:
    found = set[tuple[str, str, str]]()
    for file in FILES:
        workflow = read(file)
        assert set(workflow["permissions"].items()) <= {("contents", "read")}
        for job, described in workflow["jobs"].items():
            rights = described.get("permissions", {})
            found |= {(file.name, job, scope) for scope, right in rights.items() if right == "write"}
    assert found == WRITES


def test_what_may_write_a_comment_takes_nothing_but_a_file_from_the_pull_request() -> None:
    job = read(FOLDER / "comment.yml")["jobs"]["comment"]
    checkout, download, post = job["steps"]
    assert "ref" not in checkout["with"]  # so that it is the default branch
    assert download["with"]["path"].startswith("${{ runner.temp }}")
    assert post["run"].startswith("python3 -I pull_requests/posting.py")


@pytest.mark.parametrize("file", [*FILES, ACTION], ids=lambda file: file.stem)
def test_nothing_that_a_pull_request_may_name_is_written_into_a_script(file: Path) -> None:
    scripts = re.findall(r"^ *(?:- )?run: (?:\|\n((?: {8,}.*\n)+)|(.*))", file.read_text(), re.MULTILINE)
    assert scripts
    assert not any("${{" in text for pair in scripts for text in pair)


def test_drift_is_looked_for_in_every_environment() -> None:
    job = read(FOLDER / "drift.yml")["jobs"]["drift"]
    assert job["strategy"]["matrix"]["environment"] == environments(PROJECT)
