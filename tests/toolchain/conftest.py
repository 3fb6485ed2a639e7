from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from localcloud.toolchain import TEST, Toolchain, prepare


@pytest.fixture
def screen() -> StringIO:
    return StringIO()


@pytest.fixture
def console(screen: StringIO) -> Console:
    return Console(file=screen, width=200)


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """All of it as pinned, whatever Pulumi is installed on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("localcloud.toolchain.installed.engine_on_path", lambda _: {})
        return prepare(TEST, console=Console(stderr=True))


@pytest.fixture
def our_engine_on_path(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(toolchain.bin), prepend=":")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("INFERENCE_STACK_CACHE", str(folder))
    return folder


@pytest.fixture
def program_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script on PATH, before everything else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def put(name: str, script: str) -> Path:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return put
