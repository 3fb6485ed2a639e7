"""What a killed Pulumi leaves on this machine: locks and plugins."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from localcloud.recovery import Backend, LockedError, alone, end_orphans


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


@pytest.mark.parametrize(("written", "cut"), [("", True), ('{"md5": "', True), ('{"md5": "eA=="}', False)])
def test_a_note_beside_the_checkpoint_goes_if_it_was_cut_off(tmp_path: Path, written: str, cut: bool) -> None:
    stacks = tmp_path / ".pulumi/stacks/inference-stack"
    stacks.mkdir(parents=True)
    note, other, checkpoint = (stacks / name for name in ("dev.json.attrs", "prod.json.attrs", "dev.json"))
    for file, text in ((note, written), (other, ""), (checkpoint, "{}")):
        file.write_text(text)
    told = Backend(tmp_path, "dev").drop_broken_notes()
    assert (len(told), note.exists()) == (int(cut), not cut)
    assert other.exists()
    assert checkpoint.exists()


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
