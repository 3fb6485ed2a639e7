"""What every room may ask for: a small environment without faults, and the toolchain."""

import copy
from typing import Any

import pytest
from hypothesis import settings
from rich.console import Console

from localcloud.toolchain import TEST, Toolchain, prepare

# A law holds or not, however slow the machine is that tries it.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

SMALL: dict[str, Any] = {
    "region": "swedencentral",
    "storage_account": "acmeweights",
    "pools": [
        {
            "name": "slices",
            "sku": "Standard_NC40ads_H100_v5",
            "mig": {"profile": "MIG2g"},
            "nodes": {"max": 2},
        }
    ],
    "models": [
        {
            "name": "copilot",
            "source": "Qwen/Qwen2.5-7B-Instruct",
            "context_tokens": 8192,
            "replicas": {"max": 1},
            "placement": {"pool": "slices"},
        }
    ],
}


@pytest.fixture
def asked() -> dict[str, Any]:
    return copy.deepcopy(SMALL)


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return prepare(TEST, console=Console(stderr=True))
