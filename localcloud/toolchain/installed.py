"""Makes the tools that the cache lacks."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console

from localcloud.toolchain import artefact, cache, layout
from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.go_command import Go
from localcloud.toolchain.layout import Toolchain
from localcloud.toolchain.npm import Npm
from localcloud.toolchain.pins import PINS, Artefact, Binary, ModuleFile, Patch, Pin
from localcloud.toolchain.pins import Npm as NpmPin
from localcloud.toolchain.progress import Schedule, duration, say, shown
from localcloud.toolchain.tool import ENGINE, Tool

BUILT = "built.json"


def prepare(tools: Iterable[Tool], *, console: Console) -> Toolchain:
    """Make those of `tools` that the cache lacks, and return where they all are.

    A Pulumi command on PATH that comes with a Python language host is used as it is.

    Args:
        tools: what is needed.
        console: where progress is shown.

    Raises:
        ToolchainError: no Go or Node.js, no room, no network, a folder that cannot be written, or a build
            that failed.
    """
    wanted = frozenset(tools)
    folder = cache.root()
    engine = engine_on_path(folder) if wanted & ENGINE else {}
    pins = PINS.of(wanted - engine.keys())
    if missing(folder, pins):
        with cache.exclusively(folder, console):
            # Somebody else may have built them while this process waited.
            _build(folder, missing(folder, pins), console)
    return layout.lay_out(folder, pins, engine)


def missing(folder: Path, pins: Sequence[Pin]) -> list[Pin]:
    """Those that are not in the cache."""
    return [pin for pin in pins if not cache.finished(folder, pin).exists()]


def built_in_s(folder: Path, pin: Pin) -> float | None:
    """Seconds that a finished tool took, or None if it is not in the cache."""
    record = cache.finished(folder, pin) / BUILT
    return json.loads(record.read_text())["seconds"] if record.exists() else None


def engine_on_path(folder: Path) -> dict[Tool, Path]:
    """Pulumi and its Python language host, if both are on PATH and not from the cache itself."""
    found = {tool: shutil.which(tool) for tool in ENGINE}
    paths = {tool: Path(path) for tool, path in found.items() if path}
    if len(paths) < len(ENGINE) or any(path.resolve().is_relative_to(folder) for path in paths.values()):
        return {}
    return paths


def _build(folder: Path, pins: Sequence[Pin], console: Console) -> None:
    if not pins:
        return
    of_go = [pin for pin in pins if not isinstance(pin, NpmPin)]
    go = Go.find(of_go) if of_go else None
    npm = Npm.find() if len(of_go) < len(pins) else None
    cache.check_space(folder, go and go.build_cache, pins)
    schedule = Schedule(pins)
    say(
        console,
        f"Building {', '.join(pin.tool for pin in pins)} into {folder}: about {duration(schedule.total_s)}, "
        f"once ({PINS.measured_on}). It may be interrupted: what is finished stays.",
    )
    with shown(schedule, console):
        for number, pin in enumerate(pins, 1):
            say(console, f"{pin.name} ({number} of {len(pins)})")
            schedule.begin(pin)
            seconds = _make(pin, go, npm, folder, schedule.heard)
            schedule.finish()
            say(console, f"{pin.name} is ready after {seconds:.0f} s")


def _make(pin: Pin, go: Go | None, npm: Npm | None, folder: Path, report: Callable[[str], None]) -> float:
    """Make one tool in the cache, and return how many seconds it took."""
    started = time.monotonic()
    try:
        with cache.unfinished(folder, pin) as unfinished:
            if isinstance(pin, NpmPin) and npm:
                npm.install(pin, unfinished, report)
            elif go:
                _make_with_go(pin, go, unfinished, report)
            seconds = round(time.monotonic() - started, 1)
            (unfinished / BUILT).write_text(json.dumps({"seconds": seconds}))
    except OSError as wrong:
        raise ToolchainError(
            what=f"{pin.name} could not be written: {wrong.strerror}.",
            where=str(wrong.filename or folder),
            do=f"mend that, or set {cache.VARIABLE} to another folder",
        ) from wrong
    return seconds


def _make_with_go(pin: Pin, go: Go, folder: Path, report: Callable[[str], None]) -> None:
    sources = folder / ".sources"
    shutil.copytree(pin.sources, sources)
    if isinstance(pin, Artefact):
        artefact.make(pin, go.module_folder(sources, pin.module), folder)
    elif isinstance(pin, Binary):
        _compile(pin, go, sources, folder, report)
    cache.remove(sources)


def _compile(pin: Binary, go: Go, sources: Path, folder: Path, report: Callable[[str], None]) -> None:
    for file in pin.embed:
        _copy(go, sources, file, sources / file.name, pin.version)
    for patch in pin.patch:
        _apply(patch, go, sources)
    for file in pin.beside:
        _copy(go, sources, file, folder / file.name, pin.version)
        (folder / file.name).chmod(0o755)
    go.build(pin, sources, folder / pin.entry, report)


def _apply(patch: Patch, go: Go, sources: Path) -> None:
    """Point a go.mod at a copy of a module in which one file is another."""
    copy = sources / "patched" / Path(patch.module).name
    shutil.copytree(go.module_folder(sources, patch.module), copy, copy_function=shutil.copyfile)
    cache.make_writable(copy)
    shutil.copyfile(sources / patch.by, copy / patch.path)
    with (sources / "go.mod").open("a") as requirements:
        requirements.write(f"\nreplace {patch.module} => ./{copy.relative_to(sources)}\n")


def _copy(go: Go, sources: Path, file: ModuleFile, target: Path, version: str) -> None:
    """Copy a file out of a module; the copy is ours to write."""
    content = (go.module_folder(sources, file.module) / file.path).read_bytes()
    if file.stamp:
        content = json.dumps({**json.loads(content), "version": version}).encode()
    target.write_bytes(content)
