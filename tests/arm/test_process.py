"""The provider as the process that the engine starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.arm.faults import Fault
from localcloud.arm.provider import STATE
from tests.arm.engine import GROUP, Engine

SERVE = [sys.executable, "-m", "localcloud.arm", "127.0.0.1:1"]
ENGINE = f"import subprocess, sys; subprocess.Popen({SERVE!r}); input()"
"""A parent that starts the provider and then waits, as the engine does."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, STATE: str(tmp_path)}


@pytest.fixture
def engines(environment: dict[str, str], tmp_path: Path) -> Iterator[list[Engine]]:
    """Two providers on one cloud."""
    processes = [
        subprocess.Popen(SERVE, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    found = []
    for process in processes:
        assert process.stdout is not None
        channel = grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}")
        found.append(Engine(provider_pb2_grpc.ResourceProviderStub(channel), tmp_path))
    yield found
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


def test_two_providers_at_once_share_a_cloud(engines: list[Engine]) -> None:
    one, other = engines
    for engine in engines:
        engine.configure(location="westeurope")

    made = one.create(GROUP, "rg", {"resourceGroupName": "rg"})

    assert other.read(GROUP, made.id) is not None
    other.delete(made)
    assert one.refresh(made) is None


@pytest.mark.parametrize("stalled", [False, True], ids=["idle", "stalled"])
def test_the_provider_ends_with_an_engine_that_was_killed(
    environment: dict[str, str], tmp_path: Path, stalled: bool
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ENGINE],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    port = parent.stdout.readline().strip()
    if stalled:
        _stall(port, tmp_path)
    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=10)

    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and _answers(port):
        time.sleep(0.2)
    assert not _answers(port)


def _stall(port: str, folder: Path) -> None:
    """A creation under way to which no answer comes."""
    engine = Engine(
        provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}")), folder
    )
    engine.configure(location="westeurope")
    with engine.store() as store:
        store.order(Fault(kind="stall"))
        ThreadPoolExecutor(1).submit(engine.create, GROUP, "rg", {"resourceGroupName": "rg"})
        while not store.operations:
            time.sleep(0.05)


def _answers(port: str) -> bool:
    try:
        grpc.channel_ready_future(grpc.insecure_channel(f"127.0.0.1:{port}")).result(timeout=0.5)
    except grpc.FutureTimeoutError:
        return False
    return True
