"""What a killed Pulumi leaves, put right without an engine: locks, plugins, operations under way."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud.recovery import Backend, LockedError, alone, end_orphans, settle

GROUP = "azure-native:resources:ResourceGroup"
GROUP_ID = "/subscriptions/s/resourceGroups/rg"
PROVIDER = "urn:pulumi:dev::inference-stack::pulumi:providers:azure-native::default"


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::inference-stack::{token}::{name}"


def provider(**inputs: str) -> dict[str, Any]:
    return {
        "urn": PROVIDER,
        "custom": True,
        "type": "pulumi:providers:azure-native",
        "id": "1",
        "inputs": inputs,
    }


def group(**more: Any) -> dict[str, Any]:
    return {
        "urn": urn(GROUP, "rg"),
        "custom": True,
        "type": GROUP,
        "provider": f"{PROVIDER}::1",
        "inputs": {"resourceGroupName": "rg"},
        **more,
    }


def kubernetes(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    full = f"kubernetes:{token}"
    return {"urn": urn(full, "made"), "custom": True, "type": full, "inputs": inputs}


def under_way(resource: dict[str, Any], verb: str = "creating", *others: dict[str, Any]) -> dict[str, Any]:
    return {
        "resources": [provider(subscriptionId="s"), *others],
        "pending_operations": [{"resource": resource, "type": verb}],
    }


def nothing(resource_id: str) -> None:
    return None


def test_what_arm_has_of_a_create_is_taken_in_as_it_is() -> None:
    asked: list[str] = []

    def get(resource_id: str) -> dict[str, Any]:
        asked.append(resource_id)
        return {"location": "swedencentral", "provisioningState": "Succeeded"}

    deployment = under_way(group())
    (told,) = settle(deployment, get)
    assert asked == [GROUP_ID]
    taken = deployment["resources"][-1]
    assert taken["id"] == GROUP_ID
    assert taken["inputs"] == {"resourceGroupName": "rg"}
    assert taken["outputs"] == {"location": "swedencentral", "provisioningState": "Succeeded"}
    assert "initErrors" not in taken
    assert "pending_operations" not in deployment
    assert told.startswith("rg (azure-native:resources:ResourceGroup)")
    assert "taken into the state" in told


def test_what_arm_does_not_have_is_dropped() -> None:
    deployment = under_way(group())
    (told,) = settle(deployment, nothing)
    assert deployment["resources"] == [provider(subscriptionId="s")]
    assert "made anew" in told


@pytest.mark.parametrize("state", ["Creating", "Failed"])
def test_what_is_not_known_to_have_succeeded_is_to_be_written_again(state: str) -> None:
    deployment = under_way(group())
    settle(deployment, lambda _: {"provisioningState": state})
    assert deployment["resources"][-1]["initErrors"]


def test_what_a_replacement_replaces_is_then_to_be_deleted() -> None:
    deployment = under_way(group(), "creating", group(id="old", outputs={}))
    settle(deployment, lambda _: {})
    assert [(found.get("id"), found.get("delete")) for found in deployment["resources"][1:]] == [
        ("old", True),
        (GROUP_ID, None),
    ]


def test_what_was_deleted_before_its_replacement_is_forgotten() -> None:
    deployment = under_way(group(), "creating", group(id="old", pendingReplacement=True))
    settle(deployment, lambda _: {})
    assert [found["id"] for found in deployment["resources"][1:]] == [GROUP_ID]


@pytest.mark.parametrize(
    ("metadata", "made"),
    [({"name": "n", "namespace": "ns"}, "ns/n"), ({"name": "cluster-wide"}, "cluster-wide")],
)
def test_a_create_in_kubernetes_is_taken_in_for_the_refresh_to_look_up(metadata: Any, made: str) -> None:
    inputs = {"metadata": metadata, "__fieldManager": "pulumi-kubernetes-1"}
    deployment = under_way(kubernetes("core/v1:Namespace", inputs))
    (told,) = settle(deployment, nothing)
    assert deployment["resources"][-1]["id"] == made
    # The same manager of fields as before: another one would share or dispute them.
    assert deployment["resources"][-1]["outputs"] == inputs
    assert "looked up" in told


def test_a_release_is_left_to_be_installed_again() -> None:
    deployment = under_way(kubernetes("helm.sh/v3:Release", {"name": "r"}))
    (told,) = settle(deployment, nothing)
    assert len(deployment["resources"]) == 1
    assert "installed" in told


def test_a_release_that_was_half_uninstalled_is_not_counted_as_installed() -> None:
    release = kubernetes("helm.sh/v3:Release", {"name": "r"})
    deployment = under_way({**release, "id": "ns/r"}, "deleting", {**release, "id": "ns/r"})
    (told,) = settle(deployment, nothing)
    assert deployment["resources"] == [provider(subscriptionId="s")]
    assert "deleting" in told


@pytest.mark.parametrize("verb", ["updating", "deleting"])
def test_what_is_in_the_state_stays_there_for_the_refresh_to_look_up(verb: str) -> None:
    deployment = under_way(group(), verb, group(id=GROUP_ID))
    (told,) = settle(deployment, nothing)
    assert deployment["resources"][1:] == [group(id=GROUP_ID)]
    assert verb in told


def test_what_exists_in_the_state_alone_is_not_mentioned() -> None:
    component = {"urn": urn("a:b:C", "c"), "custom": False, "type": "a:b:C"}
    assert settle(under_way(component), nothing) == []
    assert settle(under_way(provider()), nothing) == []


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def lock(folder: Path, pid: int, *, host: str | None = None, written: datetime | None = None) -> Path:
    file = folder / ".pulumi/locks/organization/inference-stack/dev" / f"{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": pid,
        "username": "ada",
        "hostname": host or socket.gethostname(),
        "timestamp": (written or datetime.now(UTC)).isoformat(),
    }
    file.write_text(json.dumps(content))
    return file


def test_the_lock_of_a_dead_process_is_removed(tmp_path: Path, ended: int) -> None:
    file = lock(tmp_path, ended)
    (told,) = Backend(tmp_path, "dev").clear_dead_locks()
    assert str(ended) in told
    assert not file.exists()


def test_the_lock_of_a_living_process_stays_and_its_holder_is_named(tmp_path: Path, ended: int) -> None:
    files = [lock(tmp_path, os.getpid()), lock(tmp_path, ended)]
    with pytest.raises(LockedError, match=rf"by: ada@\S+, pid {os.getpid()}, since") as told:
        Backend(tmp_path, "dev").clear_dead_locks()
    assert "do: wait" in str(told.value)
    assert str(ended) not in str(told.value)
    assert all(file.exists() for file in files)


def test_a_process_that_got_the_number_of_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    lock(tmp_path, os.getpid(), written=datetime.now(UTC) - timedelta(days=1))
    assert Backend(tmp_path, "dev").clear_dead_locks()


def test_the_lock_of_another_machine_stays(tmp_path: Path, ended: int) -> None:
    file = lock(tmp_path, ended, host="elsewhere")
    with pytest.raises(LockedError, match="pulumi cancel"):
        Backend(tmp_path, "dev").clear_dead_locks()
    assert file.exists()


def test_a_lock_that_was_never_finished_is_removed(tmp_path: Path, ended: int) -> None:
    file = lock(tmp_path, ended)
    file.write_text('{"pid": 1')
    assert Backend(tmp_path, "dev").clear_dead_locks() == []
    assert not file.exists()


def test_locks_of_other_stacks_are_left_alone(tmp_path: Path, ended: int) -> None:
    file = lock(tmp_path, ended)
    assert Backend(tmp_path, "prod").clear_dead_locks() == []
    assert file.exists()


def test_where_nothing_was_ever_up_nothing_was_interrupted(tmp_path: Path) -> None:
    backend = Backend(tmp_path, "dev")
    assert not backend.exists()
    assert backend.clear_dead_locks() == []
    assert not backend.interrupted()
    assert not backend.failed()


def test_only_one_command_at_a_time_changes_an_environment(tmp_path: Path) -> None:
    with alone(tmp_path, "dev"):
        with (
            pytest.raises(LockedError, match=rf"dev is locked: .*\(pid {os.getpid()}\)"),
            alone(tmp_path, "dev"),
        ):
            pass
        with alone(tmp_path / "other", "prod"):
            pass
    with alone(tmp_path, "dev"):
        pass


SLEEPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[psutil.Process]:
    """A process that looks like a plugin at work on the folder, its parent not."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "pulumi-resource-x"], env={"LOCALCLOUD_STATE": str(tmp_path)}
    )
    yield psutil.Process(process.pid)
    if process.poll() is None:
        for one in (*psutil.Process(process.pid).children(), process):
            one.kill()
    process.wait()


def child(of: psutil.Process) -> psutil.Process:
    while not (children := of.children()):
        time.sleep(0.01)
    return children[0]


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_plugins_without_their_engine_are_ended_with_what_they_started(
    plugin: psutil.Process, tmp_path: Path
) -> None:
    started = child(plugin)
    assert end_orphans(tmp_path)
    assert not alive(started)
    assert not alive(plugin)


def test_plugins_of_other_folders_go_on(plugin: psutil.Process, tmp_path: Path) -> None:
    started = child(plugin)
    assert end_orphans(tmp_path / "other") == []
    assert alive(started)
    assert alive(plugin)
