"""The provider under the real Pulumi engine: what a person sees."""

import json
import shutil
from pathlib import Path

import pytest

from localcloud.arm.faults import Fault
from tests.arm.engine import POOL
from tests.arm.project import Project, made_in, project_in

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


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with nothing deployed."""
    return made_in(tmp_path / "project", PROGRAM)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployed project, to be copied."""
    project = made_in(tmp_path_factory.mktemp("template") / "project", PROGRAM)
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
    # The program itself plants the value; what Python compiled of it holds it too.
    program = {".py", ".pyc"}
    texts = [
        path.read_bytes()
        for path in deployed.folder.rglob("*")
        if path.is_file() and path.suffix not in program
    ]

    assert texts
    assert not [text for text in texts if b"pl4nted-value" in text]
