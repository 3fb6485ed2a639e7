"""The folder in which finished tools are kept, and the questions asked of it before a build."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import platformdirs
from filelock import FileLock, Timeout
from rich.console import Console

from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.pins import Binary, Pin
from localcloud.toolchain.progress import say

VARIABLE = "INFERENCE_STACK_CACHE"
MARGIN_MB = 300
"""Left free beyond what is needed: the disk belongs to others too."""


def root() -> Path:
    """The cache folder, made if need be.

    Raises:
        ToolchainError: it cannot be written.
    """
    given = os.environ.get(VARIABLE)
    folder = Path(given).expanduser() if given else platformdirs.user_cache_path("inference-stack")
    try:
        (folder / "tools").mkdir(parents=True, exist_ok=True)
        probe = Path(mkdtemp(prefix=".writable-", dir=folder))
        probe.rmdir()
    except OSError as wrong:
        raise ToolchainError(
            what=f"The cache folder cannot be written: {wrong.strerror}.",
            where=str(folder) if given else f"{folder} (the default)",
            allowed="a folder that you may write, on a disk with room for 1 GB",
            do=f"set {VARIABLE} to such a folder",
        ) from wrong
    return folder.resolve()


def finished(cache: Path, pin: Pin) -> Path:
    """Folder of a finished tool; it exists only when it is whole."""
    return cache / "tools" / pin.folder_name()


@contextmanager
def exclusively(cache: Path, console: Console) -> Iterator[None]:
    """Keep other processes from building into the same cache; say so when one of them must be waited for."""
    lock = FileLock(cache / "building.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(console, f"Another process is building tools in {cache}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def unfinished(cache: Path, pin: Pin) -> Iterator[Path]:
    """A folder to build a tool in: the finished one if the block ends well, gone otherwise."""
    for abandoned in (cache / "tools").glob(".unfinished-*"):
        remove(abandoned)
    folder = Path(mkdtemp(prefix=f".unfinished-{pin.tool}-", dir=cache / "tools"))
    try:
        folder.chmod(0o755)
        yield folder
        folder.replace(finished(cache, pin))
    finally:
        if folder.exists():
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder, read-only ones in it included."""
    make_writable(folder)
    shutil.rmtree(folder)


def make_writable(folder: Path) -> None:
    """Let folders copied out of Go's module cache be changed: it keeps them read-only."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def check_space(cache: Path, build_cache: Path | None, pins: Sequence[Pin]) -> None:
    """Compare what the pins are known to need with what is free.

    Args:
        cache: our own cache folder.
        build_cache: Go's; what it holds already is taken to be of use.
        pins: what is about to be built.

    Raises:
        ToolchainError: there is less free than needed.
    """
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}

    def need(folder: Path, megabytes: int) -> None:
        device = _existing(folder).stat().st_dev
        places.setdefault(device, folder)
        needed[device] = needed.get(device, MARGIN_MB) + megabytes

    need(cache, sum(pin.size_mb for pin in pins))
    if build_cache is not None and any(isinstance(pin, Binary) for pin in pins):
        need(build_cache, max(0, sum(pin.go_caches_mb for pin in pins) - _megabytes(build_cache)))
    for device, folder in places.items():
        free = shutil.disk_usage(_existing(folder)).free // 1_000_000
        if free < needed[device]:
            raise ToolchainError(
                what=f"Not enough room on the disk: {free} MB free, {needed[device]} MB needed.",
                where=f"the file system of {folder}",
                allowed="what a build was measured to need, Go's own caches included",
                do=f"free some space, or point {VARIABLE}, GOCACHE and GOMODCACHE at a larger disk",
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _megabytes(folder: Path) -> int:
    """Size of the files in Go's build cache, which is one level of folders deep."""
    total = 0
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry) as files:
                    total += sum(file.stat(follow_symlinks=False).st_size for file in files)
    return total // 1_000_000
