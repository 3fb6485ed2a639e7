import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localcloud.toolchain import Tool, Toolchain
from tests.weights.azurite import Azurite, azurite

Made = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture(scope="module")
def blob(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azure's Blob storage on this machine."""
    with azurite(toolchain.path(Tool.AZURITE), tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Made:
    """A folder with these files, and the list of what they must be."""

    def made(files: Mapping[str, bytes]) -> Path:
        here = tmp_path / "checkpoint"
        lines: list[str] = []
        for path, content in files.items():
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_bytes(content)
            lines.append(f"{hashlib.sha256(content).hexdigest()}  ./{path}\n")
        (here / "SHA256SUMS").write_text("".join(lines))
        return here

    return made
