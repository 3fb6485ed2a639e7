"""Drift on the real engine: what somebody did by hand, and what is none of anybody's business."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.arm.drift import change_by_hand
from localcloud.stack import PROJECT
from tests.arm.project import Project, made_in, project_in

pytestmark = pytest.mark.e2e

PROGRAM = """
import pulumi
import pulumi_azure_native as azure

group = azure.resources.ResourceGroup("rg")
cluster = azure.containerservice.ManagedCluster("aks", resource_group_name=group.name, dns_prefix="aks",
    identity={"type": "SystemAssigned"},
    agent_pool_profiles=[{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ds_v5"}],
    opts=pulumi.ResourceOptions(ignore_changes=["agentPoolProfiles"]))
azure.containerservice.AgentPool("h100", resource_group_name=group.name, resource_name_=cluster.name,
    mode="User", count=0, min_count=0, max_count=3, enable_auto_scaling=True,
    vm_size="Standard_NC40ads_H100_v5", gpu_instance_profile="MIG2g",
    opts=pulumi.ResourceOptions(ignore_changes=["count"]))
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployed project, to be copied."""
    project = made_in(tmp_path_factory.mktemp("template") / "project", PROGRAM)
    done = project.up()
    assert done.returncode == 0, done.stdout + done.stderr
    return project.folder


@pytest.fixture
def deployed(template: Path, tmp_path: Path) -> Project:
    return project_in(shutil.copytree(template, tmp_path / "project"))


def drift(project: Project) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(project.pulumi.parent), project.environment["PATH"]))
    own = {**project.environment, "PATH": path, "PYTHONPATH": str(PROJECT)}
    where = ["--project", str(project.folder), "--out", str(project.folder.parent / "out")]
    command = [sys.executable, "-m", "pull_requests", "drift", "--env", "dev", *where]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=False)


def by_hand(project: Project, **changes: Any) -> None:
    made = project.pool()
    with project.store() as store:
        change_by_hand(store, made.id, **changes)


def state(project: Project) -> dict[str, str]:
    """What the backend holds, by file."""
    return {str(file): file.read_text() for file in project.folder.rglob("stacks/**/dev.json")}


def test_what_is_as_it_was_made_is_no_drift_and_neither_is_what_the_autoscaler_did(deployed: Project) -> None:
    by_hand(deployed, count=2)
    run = drift(deployed)
    assert (run.returncode, run.stdout) == (0, "dev is as it was made.\n"), run.stderr


def test_what_somebody_did_by_hand_is_told_and_the_state_stays_as_it_is(deployed: Project) -> None:
    by_hand(deployed, maxCount=7)
    before = state(deployed)
    run = drift(deployed)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "| ~ update | **h100**<br>containerservice:AgentPool | `maxCount` `7` → `3` |" in run.stdout
    assert before
    assert state(deployed) == before


def test_what_cannot_be_looked_up_is_an_error_and_no_drift(deployed: Project) -> None:
    (deployed.folder / "__main__.py").write_text("raise ValueError('no such thing')\n")
    run = drift(deployed)
    assert run.returncode == 2
    assert "no such thing" in run.stderr
