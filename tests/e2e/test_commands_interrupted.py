"""`make up` and `make down` as a terminal runs them: stopped by Ctrl-C, killed while starting, run twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import cluster
from localcloud.arm.faults import Fault
from localcloud.arm.store import Store
from localcloud.recovery import alone
from localcloud.stack import PROJECT, Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import passed, stack

pytestmark = pytest.mark.e2e

STALLED = 6
"""The write operation of an up at which ARM goes silent: some resources are there by then, not all."""
INTERRUPTED = 130


@pytest.fixture(scope="module")
def dev(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = stack(tmp_path_factory.mktemp("commands"), toolchain)
    try:
        yield made
    finally:
        cluster.stop(made.state)


def test_ctrl_c_ends_an_up_cleanly_and_the_next_goes_on(dev: Stack) -> None:
    with Store(dev.state / "arm.db") as store:
        store.order(Fault(kind="stall", at=store.operations + STALLED))
        command = localcloud("up", dev)
        while store.operations < STALLED:
            assert command.poll() is None, command.communicate()
            time.sleep(0.05)
    os.killpg(command.pid, signal.SIGINT)
    _, errors = command.communicate()
    assert command.returncode == INTERRUPTED, errors
    assert "`make up ENV=dev` goes on from here" in errors
    dev.start(Console(stderr=True))
    passed(dev.converge(capture=True))
    passed(dev.up("--expect-no-changes", capture=True))


def test_who_comes_second_is_told(dev: Stack) -> None:
    with alone(dev.state, "dev"):
        for name in ("up", "down"):
            command = localcloud(name, dev)
            _, errors = command.communicate()
            assert command.returncode == 1
            assert "dev is locked" in errors
            assert "Traceback" not in errors


def test_down_after_all_that_leaves_nothing(dev: Stack) -> None:
    command = localcloud("down", dev)
    _, errors = command.communicate()
    assert command.returncode == 0, errors
    assert not dev.state.exists()


def test_a_stack_whose_making_was_killed_is_made_again(toolchain: Toolchain, tmp_path: Path) -> None:
    begun = stack(tmp_path, toolchain)
    copy = begun.prepare()
    copy.write_text("".join(line for line in copy.open() if "encryptionsalt" not in line))
    passed(begun.preview(capture=True))


@pytest.mark.parametrize(("blow", "after_s"), [(signal.SIGINT, 2), (signal.SIGKILL, 1), (signal.SIGKILL, 3)])
def test_a_start_that_was_interrupted_is_begun_again(
    blow: signal.Signals, after_s: float, toolchain: Toolchain, tmp_path: Path
) -> None:
    starting = stack(tmp_path, toolchain)
    command = localcloud("up", starting)
    time.sleep(after_s)
    os.killpg(command.pid, blow)
    command.communicate()
    try:
        starting.start(Console(stderr=True))
        assert cluster.status(starting.state).running
    finally:
        cluster.stop(starting.state)


def localcloud(name: str, of: Stack) -> subprocess.Popen[str]:
    """What make runs, in a process group of its own, and with Ctrl-C heard however the tests were started."""
    return subprocess.Popen(
        [
            *("env", "--default-signal=INT", sys.executable, "-m", "localcloud", name),
            *("--env", of.environment, "--file", str(of.settings), "--state", str(of.state)),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
