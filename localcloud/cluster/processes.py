"""Starts the programs of a control plane, knows them again later, and ends them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from localcloud.cluster.commands import Command
from localcloud.cluster.layout import Layout, write_private

_TETHER = Path(__file__).with_name("tether.py")
_GRACE_S = 10


class ProcessId(BaseModel):
    """A process, known again by its id and start time, since ids are used again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    started: float
    """Seconds since the epoch, as psutil tells it."""

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessId":
        """A process that runs now."""
        return cls(name=name, pid=pid, started=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process, unless it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


class Run(BaseModel):
    """The processes of a control plane, as its supervisor writes them down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    supervisor: ProcessId
    children: tuple[ProcessId, ...] = ()
    endpoint: str = ""
    ready: bool = False
    problems: tuple[str, ...] = ()

    def write(self, layout: Layout) -> None:
        """Replace what is written."""
        write_private(layout.run, self.model_dump_json(indent=2))

    @classmethod
    def read(cls, layout: Layout) -> "Run | None":
        """What the last supervisor wrote, running or not; None if there never was one."""
        return cls.model_validate_json(layout.run.read_text()) if layout.run.exists() else None


class Child:
    """A program that the supervisor runs; it ends with the supervisor."""

    def __init__(self, command: Command, log: Path) -> None:
        """Start the program, its output added to its log."""
        self.command = command
        tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*tether, str(command.program), *command.arguments],
                env={**_environment(), **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # a Ctrl-C at the terminal is the supervisor's to handle
            )
        self.started = time.monotonic()
        self.id = ProcessId.of(command.name, self._process.pid)

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it, by force if it does not go."""
        self._process.terminate()
        try:
            self._process.wait(self.command.grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def end(processes: Iterable[ProcessId]) -> None:
    """End processes that are not our children, in the given order, by force if they do not go."""
    for one in processes:
        if process := one.find():
            process.terminate()
            _, stubborn = psutil.wait_procs([process], timeout=_GRACE_S)
            for left in stubborn:
                left.kill()
            psutil.wait_procs(stubborn, timeout=_GRACE_S)


def _environment() -> dict[str, str]:
    """Little of our own environment, so that no proxy and no credential of the user reaches the programs."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR", "LANG") if name in os.environ}
