"""The real engine, with everything it starts."""

import pytest
from rich.console import Console

from localcloud.toolchain import TEST, Toolchain, prepare


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return prepare(TEST, console=Console(stderr=True))
