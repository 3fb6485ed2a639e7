"""The steps of docs/operations.md for a killed up, as they stand there, by the plain Pulumi command line."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import cluster
from localcloud.arm.faults import Fault
from localcloud.arm.kinds import POOL
from localcloud.arm.services.managed_cluster import CLUSTER
from localcloud.arm.store import Store
from localcloud.recovery import end_orphans
from localcloud.stack import PROJECT, Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import stack

pytestmark = pytest.mark.e2e

GROUP = "azure-native:resources:ResourceGroup"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def documented() -> list[str]:
    """The commands of docs/operations.md, one a line."""
    text = (PROJECT / "docs" / "operations.md").read_text()
    section = text[text.index("### Killed\n") :]
    (commands,) = re.findall(r"```\n(pulumi cancel.*?)```", section, re.DOTALL)[:1]
    return commands.splitlines()


class Terminal:
    """A clone of the project in which somebody types commands, with localcloud for a cloud."""

    def __init__(self, deployed: Stack, folder: Path) -> None:
        self.stack = deployed
        self._folder = folder
        folder.mkdir()
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, folder)
        for room in (".venv", "components", "inference_stack", "policies", "recovery"):
            (folder / room).symlink_to(PROJECT / room)
        shutil.copy(deployed.prepare(), folder / f"Pulumi.{deployed.environment}.yaml")

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/bash", "-c", f"exec {command}"],
            cwd=self._folder,
            env={**self.stack.variables(), "S": "dev", "ARM_SUBSCRIPTION_ID": SUBSCRIPTION},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> str:
        with self.start(command) as running:
            output, _ = running.communicate()
        assert running.returncode == 0, output[-6000:]
        return output

    def kill_while_creating(self, token: str) -> None:
        """Kill `pulumi up` as soon as ARM has the first resource of a type."""
        with Store(self.stack.state / "arm.db") as store:
            store.order(Fault(kind="stall", type=token))
            before = len(store.all(token))
            with self.start("pulumi up --yes --skip-preview -s $S") as running:
                while len(store.all(token)) == before:
                    assert running.poll() is None, running.communicate()
                    time.sleep(0.05)
                os.kill(running.pid, signal.SIGKILL)
            store.execute("DELETE FROM orders")


@pytest.fixture(scope="module")
def terminal(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("recovery")
    deployed = stack(folder, toolchain)
    deployed.start(Console(stderr=True))
    try:
        yield Terminal(deployed, folder / "clone")
    finally:
        end_orphans(deployed.state)
        cluster.stop(deployed.state)


@pytest.mark.parametrize("token", [GROUP, CLUSTER, POOL])
def test_after_the_documented_steps_nothing_is_replaced_and_nothing_is_left_to_do(
    terminal: Terminal, token: str
) -> None:
    cancel, recovery, preview, up = documented()
    terminal.kill_while_creating(token)
    terminal.type(cancel)
    taken_in = re.findall(rf"(\S+) \({token}\): killed while creating; it is there", terminal.type(recovery))
    assert taken_in
    shown = terminal.type(preview)
    assert "replace" not in shown
    assert [name for name in taken_in if re.search(rf"{token} +{name} +create", shown)] == []
    if token == POOL:
        terminal.type(up)
        terminal.type(f"{preview} --expect-no-changes")
