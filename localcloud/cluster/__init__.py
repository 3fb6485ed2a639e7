"""Kubernetes without Azure: the real control plane and KubeRay, with nodes as AKS makes and scales them."""

import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from localcloud.cluster.furnishing import furnish
from localcloud.cluster.layout import Layout, Programs, Settings, Toolchain, write_private
from localcloud.cluster.processes import ProcessId, Run, end
from localcloud.cluster.status import ClusterStatus, NodeState, PendingPod, PoolState, read_status

__all__ = [
    "ClusterError",
    "ClusterStatus",
    "NodeState",
    "PendingPod",
    "PoolState",
    "Toolchain",
    "start",
    "status",
    "stop",
]

CLOCK_SPEED = 20.0
"""Default speed of the autoscaler's clock: a minute passes in three seconds."""
_START_S = 180
_STOP_S = 90


class ClusterError(RuntimeError):
    """The control plane could not be started or stopped; the text says why and what to do."""


def start(state: Path, toolchain: Toolchain, *, console: Console, clock_speed: float = CLOCK_SPEED) -> None:
    """Start the control plane of a state folder, and return when its API server is ready.

    The kubeconfig is then at `state/kubeconfig`. Nothing happens if it runs already; what a crash has left is
    ended first; what etcd held in an earlier run is there again. Clusters that were there before the stack
    get theirs too. Raises `ClusterError`.
    """
    for layout in (*Layout.existing_in(state), Layout(state)):
        _start(layout, toolchain, console, clock_speed)


def stop(state: Path) -> None:
    """Stop all control planes of a state folder that run. Their data stay. Raises `ClusterError`."""
    for layout in (Layout(state), *Layout.existing_in(state)):
        _stop(layout)


def status(state: Path) -> ClusterStatus:
    """What the control planes of a state folder are doing."""
    existing = {layout.home.name: read_status(layout) for layout in Layout.existing_in(state)}
    return read_status(Layout(state)).model_copy(update={"existing": existing})


def _start(layout: Layout, toolchain: Toolchain, console: Console, clock_speed: float) -> None:
    layout.prepare()
    with FileLock(layout.lock):
        if (run := Run.read(layout)) and run.supervisor.find() and run.ready:
            furnish(layout)  # whoever started it may have been interrupted before
            return
        _end_leftovers(layout)
        layout.turn_logs()
        settings = Settings(programs=Programs.of(toolchain), clock_speed=clock_speed)
        write_private(layout.settings, settings.model_dump_json(indent=2))
        with console.status("Starting Kubernetes"), layout.log("supervisor").open("ab") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "localcloud.cluster", "run", *layout.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            # Written for it, so that whoever starts or stops next finds it even if we are killed now.
            Run(supervisor=ProcessId.of("supervisor", supervisor.pid)).write(layout)
            try:
                _await_ready(layout, supervisor)
            except KeyboardInterrupt:
                supervisor.terminate()
                raise
            furnish(layout)
    console.print(f"{layout.existing or 'Kubernetes'} is ready; kubeconfig: {layout.kubeconfig}")


def _stop(layout: Layout) -> None:
    if not layout.root.exists():
        return
    with FileLock(layout.lock):
        if (run := Run.read(layout)) and (supervisor := run.supervisor.find()):
            supervisor.terminate()
            deadline = time.monotonic() + _STOP_S
            while run.supervisor.find() and time.monotonic() < deadline:
                time.sleep(0.05)
        _end_leftovers(layout)


def _await_ready(layout: Layout, supervisor: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if (run := Run.read(layout)) and run.ready and run.supervisor.pid == supervisor.pid:
            return
        if supervisor.poll() is not None:
            break
        time.sleep(0.05)
    else:
        supervisor.terminate()
    log = layout.log("supervisor")
    lines = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise ClusterError(f"Kubernetes did not start. {log} ends:\n{lines}")


def _end_leftovers(layout: Layout) -> None:
    """End what an earlier supervisor left, itself first, so that it restarts nothing."""
    if run := Run.read(layout):
        end((run.supervisor, *reversed(run.children)))
        layout.run.unlink(missing_ok=True)
