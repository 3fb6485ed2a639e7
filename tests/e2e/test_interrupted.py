"""Nothing a person does leaves a mess: an up is killed, stopped, refused or undermined, and then the next."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from typing import Any

import psutil
import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret
from rich.console import Console

from localcloud import cluster
from localcloud.arm.capacity import restock, run_out
from localcloud.arm.drift import change_by_hand
from localcloud.arm.faults import Fault
from localcloud.arm.kinds import POOL
from localcloud.arm.store import Store, Stored
from localcloud.stack import PROJECT, Stack
from localcloud.toolchain import Toolchain
from recovery.deployment import Operation
from recovery.helm import forget_unfinished
from tests.e2e.environments import changed, passed, stack

pytestmark = pytest.mark.e2e

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]
Way = Callable[[psutil.Process], None]

ANSWER_S = 0.4
"""By then a provider has done what it was asked for."""
AT_ONCE = 8
"""How many operations Pulumi has under way at most."""
WRITES_S = 0.2
"""How often ARM is asked for the number of its write operations."""


class Dev:
    """dev, somewhere on its way."""

    def __init__(self, deployed: Stack) -> None:
        self.stack = deployed

    def store(self) -> Store:
        return Store(self.stack.state / "arm.db")

    def pool(self, name: str) -> Stored:
        with self.store() as store:
            (found,) = [pool for pool in store.all(POOL) if pool.name.startswith(name)]
        return found

    def order(self, fault: Fault) -> None:
        with self.store() as store:
            store.order(fault)

    def forget_faults(self) -> None:
        with self.store() as store:
            store.execute("DELETE FROM orders")

    def writes(self) -> int:
        with self.store() as store:
            return store.operations

    def under_way(self) -> set[str]:
        return _made(
            one["resource"] for one in self.stack.backend.deployment().get("pending_operations") or ()
        )

    def failed(self) -> int:
        """How many resources exist whose last operation failed."""
        return sum(
            bool(one.get("initErrors")) for one in self.stack.backend.deployment().get("resources", ())
        )

    def resources(self) -> set[str]:
        return _made(self.stack.backend.deployment()["resources"])

    def interrupt(self, way: Way, run: Run, visited: set[str]) -> Ran | None:
        """Interrupt a run at its next writes to ARM, or its first to Kubernetes on what was not visited.

        Whatever is under way beside it is interrupted, too, and counts as visited.
        None if it was interrupted, what it returned if there was nothing to interrupt.
        """
        # What a stopped run left failed is written again first; were that struck, nothing came after it.
        strike = self.writes() + self.failed() + 1
        for write in range(strike, strike + AT_ONCE):
            self.order(Fault(kind="hang" if way is kill_all else "stall", at=write))
        checkpoint, asked = Checkpoint(self), time.monotonic()
        engine: psutil.Process | None = None
        with ThreadPoolExecutor(1) as elsewhere:
            running = elsewhere.submit(run, "--parallel", str(AT_ONCE), capture=True)
            while not running.done():
                time.sleep(0.001)
                if engine is None or not engine.is_running():
                    engine = _engine()
                    continue
                struck = checkpoint.shows_another(engine, visited)
                if not struck and time.monotonic() > asked + WRITES_S:
                    struck, asked = self.writes() >= strike, time.monotonic()
                    if struck:
                        time.sleep(ANSWER_S)
                if struck:
                    visited |= self.under_way()
                    way(engine)
                    running.result()
                    visited |= self.under_way()
                    self.forget_faults()
                    return None
            self.forget_faults()
            return running.result()


class Checkpoint:
    """Pulumi's checkpoint, which says of an operation just before a provider is asked for it."""

    def __init__(self, dev: Dev) -> None:
        self._dev, self._read = dev, 0
        (self._file,) = (dev.stack.state / "pulumi" / ".pulumi" / "stacks").glob("*/*.json")

    def shows_another(self, engine: psutil.Process, visited: set[str]) -> bool:
        """Whether it has an operation in Kubernetes on a resource not visited yet; the engine then stands."""
        if (written := self._file.stat().st_mtime_ns) == self._read:
            return False
        with suppress(psutil.NoSuchProcess):  # what it wrote at its end
            engine.suspend()
            self._read = written
            if any("kubernetes:" in urn for urn in self._dev.under_way() - visited):
                return True
            engine.resume()
        return False


def _made(resources: Iterable[dict[str, Any]]) -> set[str]:
    """URNs of the resources that are made in a cloud, not in the state alone."""
    return {
        one["urn"] for one in resources if one["custom"] and not one["type"].startswith("pulumi:providers:")
    }


def _engine() -> psutil.Process | None:
    """The Pulumi that this process runs, if it changes anything."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if child.name() == "pulumi" and {"up", "destroy", "refresh"} & set(child.cmdline()[1:2]):
                return child
    return None


def kill_later(engine: psutil.Process) -> None:
    """What it asked for is done, and it never learns of it."""
    engine.resume()
    time.sleep(0.003)
    engine.suspend()
    time.sleep(ANSWER_S)
    engine.kill()


def kill_alone(engine: psutil.Process) -> None:
    """What it left at work goes on, until the next up ends it."""
    engine.kill()


def kill_all(engine: psutil.Process) -> None:
    """It and all that it started, as when a machine is switched off."""
    for process in (engine, *engine.children(recursive=True)):
        process.kill()


def stop(engine: psutil.Process) -> None:
    """As Ctrl-C does."""
    engine.resume()
    engine.send_signal(signal.SIGINT)


CHANCES = 4
"""How often what is made too fast to be caught is made again."""
WAYS = (kill_later, kill_alone, kill_later, kill_all, kill_later, stop)


@pytest.fixture(scope="module")
def dev(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    deployed = stack(tmp_path_factory.mktemp("interrupted"), toolchain)
    deployed.start(Console(stderr=True))
    try:
        yield Dev(deployed)
    finally:
        cluster.stop(deployed.state)


@pytest.fixture(scope="module")
def up(dev: Dev) -> Dev:
    """dev, all of it."""
    passed(dev.stack.up(capture=True))
    return dev


def test_killed_or_stopped_at_every_operation_each_up_goes_on_from_there(dev: Dev) -> None:
    visited: set[str] = set()
    missed: set[str] = set()
    ways = cycle(WAYS)
    for _ in range(CHANCES):
        while (run := dev.interrupt(next(ways), dev.stack.up, visited)) is None:
            pass
        passed(run)
        if not (missed := dev.resources() - visited):
            break
        # What was made too fast to be caught is taken away, and has another chance.
        targets = [option for urn in missed for option in ("--target", urn)]
        passed(dev.stack.destroy(*targets, "--target-dependents", capture=True))
    assert missed == set()
    passed(dev.stack.up("--expect-no-changes", capture=True))


def test_what_was_changed_in_the_portal_is_put_back(up: Dev) -> None:
    def drift(pool: Stored) -> dict[str, Any]:
        return {name: pool.properties[name] for name in ("nodeLabels", "nodeTaints", "maxCount")}

    before = up.pool("slices")
    with up.store() as store:
        change_by_hand(store, before.id, nodeLabels={"team": "other"}, nodeTaints=[], maxCount=7)
    # Pulumi asks nobody by itself.
    passed(up.stack.up("--expect-no-changes", capture=True))
    passed(up.stack.converge(capture=True))
    assert drift(up.pool("slices")) == drift(before)
    passed(up.stack.up("--expect-no-changes", capture=True))


def test_what_was_deleted_in_the_portal_is_made_again(up: Dev) -> None:
    pool = up.pool("slices")
    with up.store() as store:  # past Pulumi
        store.delete(pool.id)
    passed(up.stack.converge(capture=True))
    assert up.pool("slices").id == pool.id


SIZE = "Standard_NC40ads_H100_v5"
LACKS: dict[str, tuple[Callable[[Store], object], Callable[[Store], object], str]] = {
    # what Azure lacks, and has again; what the user is told
    "quota": (
        lambda store: store.order(Fault(kind="refuse", type=POOL, refusal="InsufficientFamilyQuota")),
        lambda store: store.execute("DELETE FROM orders"),
        "Insufficient vcpu quota",
    ),
    "machine": (
        lambda store: run_out(store, SIZE),
        lambda store: restock(store, SIZE),
        "AllocationFailed",
    ),
}


@pytest.mark.parametrize("lack", LACKS)
def test_a_pool_that_azure_refuses_or_fails_to_fill_is_made_by_the_next_up(up: Dev, lack: str) -> None:
    def with_a_warm_pool(environment: dict[str, Any]) -> None:
        nodes = {"min": 1, "max": 1, "reason": "kept warm for a test"}
        environment["pools"].append({"name": lack, "sku": SIZE, "nodes": nodes})

    gone, back, told = LACKS[lack]
    with up.store() as store:
        gone(store)
    asked = changed(up.stack, with_a_warm_pool)
    refused = asked.up(capture=True)
    assert refused.returncode != 0
    assert told in refused.stdout
    with up.store() as store:
        back(store)
    passed(asked.converge(capture=True))
    assert up.pool(lack).properties["provisioningState"] == "Succeeded"
    passed(asked.up("--expect-no-changes", capture=True))


def test_a_note_beside_the_checkpoint_that_was_cut_off_stops_nobody(up: Dev) -> None:
    (checkpoint,) = (up.stack.state / "pulumi" / ".pulumi" / "stacks").glob("*/*.json")
    checkpoint.with_name(checkpoint.name + ".attrs").write_text("")
    export = ("stack", "export", "--stack", up.stack.environment)
    assert up.stack.pulumi(*export, capture=True).returncode
    up.stack.recover()
    assert up.stack.pulumi(*export, capture=True).returncode == 0


def test_helms_records_of_finished_releases_stay(up: Dev) -> None:
    client = Client(KubeConfig.from_file(up.stack.state / "kubeconfig"), trust_env=False)
    for name, status in (("a", "deployed"), ("b", "pending-upgrade")):
        labels = {"owner": "helm", "name": "made-up", "status": status}
        client.create(Secret(metadata=ObjectMeta(name=name, namespace="default", labels=labels)))

    def left(verb: str) -> list[str]:
        inputs = {"name": "made-up", "namespace": "default"}
        resource = {"type": "kubernetes:helm.sh/v3:Release", "inputs": inputs}
        kubeconfig = (up.stack.state / "kubeconfig").read_text()
        forget_unfinished(Operation(verb, resource), kubeconfig)
        found = client.list(Secret, namespace="default", labels={"owner": "helm"})
        return [str(record.metadata and record.metadata.name) for record in found]

    assert left("updating") == ["a"]
    assert left("deleting") == []


def test_a_destroy_that_was_killed_is_finished_by_make_down(up: Dev) -> None:
    visited: set[str] = set()
    for way in (kill_later, kill_all, kill_alone):
        assert up.interrupt(way, up.stack.destroy, visited) is None
    command = localcloud("down", up.stack)
    _, errors = command.communicate()
    assert command.returncode == 0, errors
    assert not up.stack.state.exists()
    mark = str(up.stack.state)
    assert [
        one for one in psutil.process_iter(["cmdline"]) if mark in " ".join(one.info["cmdline"] or ())
    ] == []


def localcloud(command: str, deployed: Stack) -> subprocess.Popen[str]:
    """What make runs, as a terminal starts it: with a process group of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "localcloud", command, "--env", deployed.environment),
            *("--file", str(deployed.settings), "--state", str(deployed.state)),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
