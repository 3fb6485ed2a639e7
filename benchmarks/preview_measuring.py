"""What a command takes: wall time, processor time, and the memory of all its processes."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EVERY_S = 0.05
PROGRAM = "pulumi-language-python-exec"
"""Starts a Pulumi program written in Python; part of that process's command line."""
MIB = 2**20


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """User and system time of all processes."""
    peak_mib: float
    """Most resident memory of all processes at one time."""
    program_cpu_s: float
    """User and system time of the Pulumi program alone."""
    program_peak_mib: float
    """Most resident memory of the Pulumi program alone."""


@dataclass
class _Watch:
    """Looks at a process and its descendants again and again."""

    root: int
    done: threading.Event = field(default_factory=threading.Event)
    peak: int = 0
    program_peak: int = 0
    cpu_s: dict[tuple[int, float], float] = field(default_factory=dict)
    programs: set[tuple[int, float]] = field(default_factory=set)
    others: set[tuple[int, float]] = field(default_factory=set)

    def run(self) -> None:
        """Look until told that it is over."""
        while not self.done.wait(EVERY_S):
            try:
                root = psutil.Process(self.root)
                self._look([root, *root.children(recursive=True)])
            except psutil.NoSuchProcess:
                continue

    def _look(self, processes: Sequence[psutil.Process]) -> None:
        whole = programs = 0
        for process in processes:
            try:
                resident, times = process.memory_info().rss, process.cpu_times()
                key = process.pid, process.create_time()
                if key not in self.programs and key not in self.others:
                    own = any(part.endswith(PROGRAM) for part in process.cmdline())
                    (self.programs if own else self.others).add(key)
            except psutil.NoSuchProcess:
                continue
            self.cpu_s[key] = times.user + times.system
            whole += resident
            programs += resident if key in self.programs else 0
        self.peak = max(self.peak, whole)
        self.program_peak = max(self.program_peak, programs)


def measure(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: Path) -> Taken:
    """Run a command, with what it prints in a file. Raises CalledProcessError if it fails."""
    with output.open("w") as stream:
        start = time.perf_counter()
        running = subprocess.Popen(command, cwd=cwd, env=environment, stdout=stream, stderr=stream)
        watch = _Watch(running.pid)
        watching = threading.Thread(target=watch.run)
        watching.start()
        _, status, used = os.wait4(running.pid, 0)
        wall_s = time.perf_counter() - start
    watch.done.set()
    watching.join()
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command, output.read_text())
    return Taken(
        wall_s=wall_s,
        # Either may miss some: the kernel, what nobody waited for; the watch, what came after its last look.
        cpu_s=max(used.ru_utime + used.ru_stime, sum(watch.cpu_s.values())),
        peak_mib=watch.peak / MIB,
        program_cpu_s=sum(watch.cpu_s[key] for key in watch.programs),
        program_peak_mib=watch.program_peak / MIB,
    )
