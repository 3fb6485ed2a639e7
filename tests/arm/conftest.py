"""The provider over gRPC in this process, as the engine speaks to it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.arm.operations import DURATION
from localcloud.arm.provider import STATE, AzureNative
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, GROUP, POOL, Engine, Made


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A configured provider on an empty cloud."""
    monkeypatch.setenv(STATE, str(tmp_path))
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AzureNative(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        engine = Engine(provider_pb2_grpc.ResourceProviderStub(channel), tmp_path)
        engine.set(DURATION, "0")
        engine.configure(location="westeurope")
        yield engine
    server.stop(None).wait()


@pytest.fixture
def group(engine: Engine) -> Made:
    return engine.create(GROUP, "rg", {"resourceGroupName": "rg"})


@pytest.fixture
def cluster(engine: Engine, group: Made) -> Made:
    return engine.create(CLUSTER, "aks", CLUSTER_INPUTS)


@pytest.fixture
def pool(engine: Engine, cluster: Made) -> Made:
    return engine.create(POOL, "h100", GPU_POOL)
