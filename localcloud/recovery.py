"""What a killed Pulumi leaves on this machine: a lock, and plugins that go on for a while.

What it leaves in the state is put right by `recovery`, here as on Azure.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict

_PLUGINS = ("pulumi-resource-", "pulumi-language-", "pulumi-analyzer-", "localcloud.arm")
_CLOCK_S = 5.0
"""How far the start of a process and the time in its lock may be apart by their clocks alone."""
_END_S = 10.0


class LockedError(RuntimeError):
    """Somebody else works on the environment; the text says who, and what to do."""


@contextlib.contextmanager
def alone(state: Path, environment: str) -> Iterator[None]:
    """Let one command at a time change an environment; its claim ends with its process, however that ends.

    Raises `LockedError`.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "command.lock").open("a+") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.seek(0)
            raise LockedError(
                f"{environment} is locked: a `make up` or `make down` works on it (pid {claim.read()}).\n"
                "  do: wait until that has ended, or end it with Ctrl-C, then try again"
            ) from None
        claim.truncate(0)
        claim.write(str(os.getpid()))
        claim.flush()
        yield


class Lock(BaseModel):
    """One lock of a file backend, as Pulumi's command line writes it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    username: str
    hostname: str
    timestamp: datetime

    @property
    def held(self) -> bool:
        """Whether its process lives. Another machine's processes count as alive: nothing is known."""
        if self.hostname != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            # Process ids are used again: whoever started after the lock was written is somebody else.
            wrote_it = process.create_time() <= self.timestamp.timestamp() + _CLOCK_S
            return wrote_it and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class Backend:
    """The file backend, as far as one stack goes."""

    def __init__(self, folder: Path, environment: str) -> None:
        """The folder that `PULUMI_BACKEND_URL` names; it need not be there yet."""
        self._root, self._environment = folder / ".pulumi", environment

    def clear_dead_locks(self) -> list[str]:
        """Remove the locks of processes that have ended, and tell of each. Raises `LockedError`."""
        locks = {file: _read_lock(file) for file in self._root.glob(f"locks/*/*/{self._environment}/*.json")}
        if held := [lock for lock in locks.values() if lock and lock.held]:
            raise LockedError(_locked_by(self._environment, held))
        for file in locks:
            file.unlink(missing_ok=True)
        return [f"pulumi (pid {lock.pid}) was killed: its lock is removed" for lock in locks.values() if lock]

    def drop_broken_notes(self) -> list[str]:
        """Remove what lies beside the checkpoint and was cut off as it was written, and tell of it.

        A checkpoint is written beside the old one and put in its place, so it is whole whenever Pulumi is
        killed. Type and hash of it are written in place; cut off, no Pulumi reads the checkpoint any more,
        and without them every one does.
        """
        broken = [file for file in self._root.glob(f"stacks/*/{self._environment}.json*.attrs") if _cut(file)]
        for file in broken:
            file.unlink()
        return [f"{file.name} was being written when pulumi was killed: it is removed" for file in broken]

    def exists(self) -> bool:
        """Whether the stack was made."""
        return bool(self._checkpoints())

    def deployment(self) -> dict[str, Any]:
        """The deployment as the checkpoint has it; empty where there is none."""
        for file in self._checkpoints():
            return json.loads(file.read_text())["checkpoint"].get("latest") or {}
        return {}

    def interrupted(self) -> bool:
        """Whether operations were under way when Pulumi was killed."""
        return bool(self.deployment().get("pending_operations"))

    def failed(self) -> bool:
        """Whether there are resources that exist, but whose last operation failed."""
        return any(resource.get("initErrors") for resource in self.deployment().get("resources") or ())

    def _checkpoints(self) -> list[Path]:
        return [*self._root.glob(f"stacks/*/{self._environment}.json")]


def _cut(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return True
    return False


def _read_lock(file: Path) -> Lock | None:
    try:
        return Lock.model_validate_json(file.read_bytes())
    except (ValueError, FileNotFoundError):  # killed while it was written, or removed just now
        return None


def _locked_by(environment: str, held: Sequence[Lock]) -> str:
    lines = [f"{environment} is locked: pulumi works on it."]
    lines += [
        f"  by: {lock.username}@{lock.hostname}, pid {lock.pid}, since {lock.timestamp:%H:%M:%S}"
        for lock in held
    ]
    lines.append("  do: wait until that has ended, or end it with `kill -INT <pid>`, then try again")
    if any(lock.hostname != socket.gethostname() for lock in held):
        lines.append("      a lock of another machine stays when that was switched off: `pulumi cancel`")
    return "\n".join(lines)


def end_orphans(state: Path) -> list[str]:
    """End the plugins that a killed Pulumi left at work on a state folder, before they change more."""
    orphans: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_plugin = any(name in part for part in process.cmdline() for name in _PLUGINS)
            if is_plugin and _works_on(state, process) and not _works_on(state, process.parent()):
                orphans += [process, *process.children(recursive=True)]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(orphans, timeout=_END_S)
    return [f"ended what the killed pulumi had left running: {len(orphans)} processes"] if orphans else []


def _works_on(state: Path, process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.environ().get("LOCALCLOUD_STATE") == str(state)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
