"""Two commits of this project, previewed for real: prod gains a model, loses slices and breaks a rule."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from localcloud.stack import PROJECT
from localcloud.toolchain import Tool, Toolchain
from pull_requests.posting import comment
from tests.e2e.environments import KEY
from tests.pull_requests.github import BOT, LONGEST, FakeGitHub, served
from tests.pull_requests.test_commits import git
from tests.pull_requests.test_posting import client

pytestmark = pytest.mark.e2e

BY_HAND = """
if stack == "prod":
    from pulumi_azure_native import containerservice

    containerservice.AgentPool(
        "byhand",
        resource_group_name=platform.cluster_name,
        resource_name_=platform.cluster_name,
        agent_pool_name="byhand",
        vm_size="Standard_NC40ads_H100_v5",
        gpu_instance_profile="MIG2g",
        mode="User",
        enable_auto_scaling=True,
        count=0,
        min_count=0,
        max_count=1,
    )
"""
"""A GPU pool past the components, which forgets the taint and the tag."""

HELPER = {
    "name": "helper",
    "source": "Qwen/Qwen2.5-7B-Instruct",
    "workload": "internal-copilot",
    "context_tokens": 8192,
    "traffic": {"requests_per_second": 0.5, "peak_requests_per_second": 1},
    "placement": {"pool": "slices"},
}


@dataclass(frozen=True)
class Told:
    """What the command left."""

    run: subprocess.CompletedProcess[str]
    repository: Path
    folder: Path

    @property
    def text(self) -> str:
        return self.run.stdout

    def of(self, environment: str) -> str:
        """The part about one environment."""
        return self.text.split(f"\n## {environment}\n")[1].split("\n## ")[0]


def files() -> Iterator[str]:
    """Everything that is part of this project, committed or not."""
    listed = git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    yield from (file for file in listed if (PROJECT / file).is_file())


def change(repository: Path) -> None:
    file = repository / "Pulumi.prod.yaml"
    settings = yaml.safe_load(file.read_text())
    environment = settings["config"][KEY]
    environment["models"].append(HELPER)
    next(pool for pool in environment["pools"] if pool["name"] == "thirds")["nodes"]["max"] -= 1
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    program = repository / "__main__.py"
    program.write_text(program.read_text() + BY_HAND)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Told:
    """The command's answer about the second commit. The tools are built before, as `make` does."""
    repository = tmp_path_factory.mktemp("two") / "commits"
    for file in files():
        (repository / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, repository / file)
    git(repository, "init", "--quiet")
    (repository / ".git" / "info" / "exclude").write_text(".venv\n")  # here a link, which .gitignore misses
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "as it is")
    (repository / ".venv").symlink_to(PROJECT / ".venv")
    git(repository, "checkout", "--quiet", "-b", "change")
    change(repository)
    git(repository, "commit", "--quiet", "--all", "--message", "a change")
    return told_in(repository)


def told_in(repository: Path, *options: str, **variables: str) -> Told:
    run = subprocess.run(
        [sys.executable, "-m", "pull_requests", "preview", "--base", "main", *options],
        cwd=repository,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "What this pull request changes" in run.stdout, run.stdout + run.stderr
    return Told(run, repository, repository / ".localcloud" / "pull-request")


def test_what_breaks_a_mandatory_rule_is_refused_and_told_as_new(told: Told) -> None:
    assert told.run.returncode == 1
    assert "Traceback" not in told.run.stderr
    broken = [line for line in told.of("prod").splitlines() if "`gpu-pool-reachable` | byhand" in line]
    assert broken
    assert all(line.startswith("| 🛑 | mandatory **new** |") for line in broken)


def test_resources_that_come_and_change_are_told(told: Told) -> None:
    prod = told.of("prod")
    assert "| + create | **byhand**<br>containerservice:AgentPool |" in prod
    assert "| + create | **helper-service**<br>ray.io/v1:RayService |" in prod
    assert "| ~ update | **thirds**<br>containerservice:AgentPool | `maxCount` `4` → `3` |" in prod
    assert "± **replace** |" not in prod
    assert "- **delete** |" not in prod


def test_the_plan_is_told_from_and_to(told: Told) -> None:
    prod = told.of("prod")
    assert "| GPUs, at most | 60 → **59** |" in prod
    assert "| slices, at most | 20 → **17** |" in prod
    assert any(line.startswith("| USD/h peak | ") and " → **" in line for line in prod.splitlines())
    (helper,) = (line for line in prod.splitlines() if line.startswith("| + **helper** |"))
    cells = [cell.strip() for cell in helper.strip("|").split("|")]
    assert cells[1] == "1 × 3g.47gb of slices"
    assert all(cells)  # replicas, capacity, both token prices and the cold start
    assert any("| **thirds** |" in line and "3 of 0–4 → **3 of 0–3**" in line for line in prod.splitlines())


def test_the_picture_is_in_the_comment_and_beside_it(told: Told) -> None:
    drawn = told.of("prod").split("```mermaid\n")[1].split("```")[0]
    assert any("+ G helper<br/>" in line and line.endswith(":::added") for line in drawn.splitlines())
    assert any("~ thirds: 3 of 3 nodes" in line for line in drawn.splitlines())
    for side in ("base", "here"):
        assert (told.folder / "prod" / side / "plan.svg").read_text().startswith("<?xml")


def test_an_environment_that_only_shares_the_code_does_not_change(told: Told) -> None:
    assert "| **dev** | no changes |" in told.text
    assert "The plan stays as it is." in told.of("dev")


def test_the_comment_fits_and_github_takes_it(told: Told) -> None:
    assert (told.folder / "comment.md").read_text() == told.text
    assert len(told.text) < LONGEST
    with served(FakeGitHub()) as github:
        client(github).put_comment(7, comment(told.text, "about"), BOT)
        assert "helper-service" in github.comments[0]["body"]


def test_nothing_is_left_in_the_repository(told: Told) -> None:
    assert len(git(told.repository, "worktree", "list").splitlines()) == 1
    assert git(told.repository, "status", "--porcelain") == ""


def test_with_a_login_pulumi_alone_says_what_changes(
    told: Told, toolchain: Toolchain, tmp_path: Path
) -> None:
    repository, state = tmp_path / "clone", tmp_path / "state"
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(told.repository), str(repository))
    (repository / ".venv").symlink_to(PROJECT / ".venv")
    (repository / ".git" / "info" / "exclude").write_text(".venv\n")
    state.mkdir()
    login = {
        **toolchain.environment(),
        "LOCALCLOUD_STATE": str(state),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PYTHONPATH": str(repository),
    }
    subprocess.run(
        [toolchain.path(Tool.PULUMI), "stack", "init", "dev"],
        cwd=repository,
        env={**os.environ, **login},
        check=True,
    )
    file = repository / "Pulumi.dev.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["config"][KEY]["models"][0]["replicas"]["max"] = 3
    file.write_text(yaml.safe_dump(settings))

    found = told_in(repository, "--azure", **login)

    assert found.run.returncode == 0, found.text
    assert "against what is in Azure" in found.text
    assert re.search(r"\| \*\*dev\*\* \| \d+ to create \|", found.text)
    assert any("| **copilot** |" in row and "0–2 → **0–3**" in row for row in found.text.splitlines())
    assert "**new**" not in found.text
    assert "## prod" not in found.text
