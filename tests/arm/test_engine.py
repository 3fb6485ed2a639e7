"""The provider under the real Pulumi engine: what a person sees."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from localcloud.arm.faults import Fault
from localcloud.arm.provider import STATE, store_path
from localcloud.arm.store import Store
from localcloud.toolchain import ENGINE, Tool, prepare
from tests.arm.engine import POOL

pytestmark = pytest.mark.e2e

PROGRAM = """
import pulumi
import pulumi_azure_native as azure

config = pulumi.Config()
group = azure.resources.ResourceGroup("rg")
vault = azure.keyvault.Vault("kv", resource_group_name=group.name,
    properties={"sku": {"family": "A", "name": "standard"}, "tenant_id": "t"})
azure.keyvault.Secret("token", resource_group_name=group.name, vault_name=vault.name,
    properties={"value": pulumi.Output.secret("pl4nted-value")})
cluster = azure.containerservice.ManagedCluster("aks", resource_group_name=group.name, dns_prefix="aks",
    identity={"type": "SystemAssigned"},
    agent_pool_profiles=[{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ds_v5"}],
    opts=pulumi.ResourceOptions(ignore_changes=["agentPoolProfiles"]))
azure.containerservice.AgentPool("h100", resource_group_name=group.name, resource_name_=cluster.name,
    mode="User", count=0, min_count=0, max_count=3, enable_auto_scaling=True,
    vm_size="Standard_NC40ads_H100_v5", scale_set_priority="Spot", tags=config.get_object("tags"),
    gpu_instance_profile=config.get("mig") or "MIG2g", os_disk_size_gb=config.get_int("disk") or 512,
    opts=pulumi.ResourceOptions(ignore_changes=["count"]))
"""


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder of its own, its state beside it."""

    folder: Path
    pulumi: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.pulumi), *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def configure(self, **values: Any) -> None:
        for name, value in values.items():
            done = self.run("config", "set", "--stack", "dev", name, str(value))
            assert done.returncode == 0, done.stderr

    def changes(self, verb: str, *options: str) -> dict[str, int]:
        """Operations by kind; the verb must succeed."""
        done = self.run(verb, "--stack", "dev", "--json", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        steps = json.loads(done.stdout)["steps"]
        kinds = [step["op"] for step in steps]
        return {kind: kinds.count(kind) for kind in set(kinds) - {"same"}}

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--stack", "dev", "--yes", "--skip-preview")

    def store(self) -> Store:
        return Store(store_path(Path(self.environment[STATE])))

    def pool(self) -> Any:
        with self.store() as store:
            return next(pool for pool in store.all(POOL) if pool.name == "h100")


def project_in(folder: Path) -> Project:
    """The project in a folder, whose state moves with it."""
    toolchain = prepare(ENGINE, console=Console(stderr=True))
    environment = {
        **os.environ,
        **toolchain.environment(),
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        STATE: str(folder / "cloud"),
    }
    return Project(folder, toolchain.path(Tool.PULUMI), environment)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with nothing deployed."""
    return made_in(tmp_path / "project")


def made_in(folder: Path) -> Project:
    (folder / "backend").mkdir(parents=True)
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "arm", "runtime": runtime}))
    (folder / "__main__.py").write_text(PROGRAM)
    project = project_in(folder)
    assert project.run("stack", "init", "dev").returncode == 0
    project.configure(**{"azure-native:location": "westeurope"})
    return project


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployed project, to be copied."""
    project = made_in(tmp_path_factory.mktemp("template") / "project")
    done = project.up()
    assert done.returncode == 0, done.stdout + done.stderr
    return project.folder


@pytest.fixture
def deployed(template: Path, tmp_path: Path) -> Project:
    """A deployed project of the test's own."""
    return project_in(shutil.copytree(template, tmp_path / "project"))


def test_a_stack_comes_up_once_and_goes_without_a_trace(project: Project) -> None:
    assert project.changes("preview") == {"create": 6}

    assert project.up().returncode == 0
    assert project.changes("preview") == {}

    assert project.run("destroy", "--stack", "dev", "--yes", "--skip-preview").returncode == 0
    with project.store() as store:
        assert store.within("/subscriptions") == []


def test_a_wrong_argument_is_told_at_preview(project: Project) -> None:
    program = project.folder / "__main__.py"
    program.write_text(program.read_text().replace('"vm_size": ', '"vmSzie": "x", "vm_size": '))

    done = project.run("preview", "--stack", "dev")

    assert done.returncode != 0
    assert "'agentPoolProfiles[0].vmSzie' is no property here; allowed:" in done.stdout


def test_arms_refusal_reaches_the_person_without_a_traceback(deployed: Project) -> None:
    deployed.configure(disk=256)
    assert deployed.changes("preview") == {"update": 1}

    done = deployed.up()

    message = "Changing property 'properties.osDiskSizeGB' is not allowed."
    assert done.returncode != 0
    assert f'error: Status=400 Code="PropertyChangeNotAllowed" Message="{message}"' in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_new_mig_profile_replaces_the_pool(deployed: Project) -> None:
    deployed.configure(mig="MIG1g")

    assert "replace" in deployed.changes("preview")
    assert deployed.up().returncode == 0
    assert deployed.pool().properties["gpuInstanceProfile"] == "MIG1g"


def test_scaled_refreshed_and_brought_up_again_nothing_changes(deployed: Project) -> None:
    with deployed.store() as store:
        store.change(deployed.pool().id, count=2)

    assert deployed.run("refresh", "--stack", "dev", "--yes", "--skip-preview").returncode == 0
    assert deployed.changes("preview") == {}
    assert deployed.up().returncode == 0
    assert deployed.pool().properties["count"] == 2


def test_a_pool_that_failed_after_acceptance_is_repaired_by_the_next_up(project: Project) -> None:
    with project.store() as store:
        store.order(Fault(kind="fail", type=POOL, name="h100", message="Allocation failed."))

    failed = project.up()

    assert failed.returncode != 0
    assert 'Code="ResourceOperationFailure" Message="Allocation failed."' in failed.stdout
    exported = json.loads(project.run("stack", "export", "--stack", "dev").stdout)
    [pool] = [r for r in exported["deployment"]["resources"] if r["type"] == POOL]
    assert pool["outputs"]["provisioningState"] == "Failed"
    assert pool["initErrors"]

    assert project.up().returncode == 0
    assert project.pool().properties["provisioningState"] == "Succeeded"
    assert project.changes("preview") == {}


def test_a_pool_forgotten_by_the_state_is_imported(deployed: Project) -> None:
    found = deployed.pool()
    exported = json.loads(deployed.run("stack", "export", "--stack", "dev").stdout)
    [urn] = [r["urn"] for r in exported["deployment"]["resources"] if r["type"] == POOL]
    assert deployed.run("state", "delete", "--stack", "dev", urn, "--yes").returncode == 0
    refused = deployed.up()
    assert f"cannot create already existing resource '{found.id}'" in refused.stdout

    options = ("--yes", "--protect=false", "--generate-code=false", "--skip-preview")
    done = deployed.run("import", "--stack", "dev", POOL, "h100", found.id, *options)

    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.up().returncode == 0
    assert deployed.pool().revision >= found.revision


def test_a_secret_lies_nowhere_in_plain(deployed: Project) -> None:
    texts = [
        path.read_bytes() for path in deployed.folder.rglob("*") if path.is_file() and path.suffix != ".py"
    ]

    assert texts
    assert not [text for text in texts if b"pl4nted-value" in text]
