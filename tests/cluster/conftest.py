"""A control plane as `make up` would start it, with a store that the tests fill themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.toolchain import Tool, Toolchain
from tests.cluster.live import CLOCK_SPEED, Live, fill


@pytest.fixture(scope="module")
def live(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A cluster with a system pool, a pool for heads, a pool of slices and KubeRay's definitions."""
    state: Path = tmp_path_factory.mktemp("state")
    with Store(state / "arm.db") as store:
        fill(store)
        cluster.start(state, toolchain, console=Console(stderr=True), clock_speed=CLOCK_SPEED)
        try:
            running = Live(state, store)
            running.apply_definitions(toolchain.path(Tool.KUBERAY_CRDS))
            running.create_device_plugin()
            yield running
        finally:
            cluster.stop(state)
