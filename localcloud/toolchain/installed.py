"""Brings tools into being and lays them out as the Pulumi engine looks for them."""

import hashlib
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from localcloud.toolchain import artefact, cache
from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.go_command import Go
from localcloud.toolchain.pins import PINS, Artefact, Binary, ModuleFile, Pin, PythonProvider
from localcloud.toolchain.progress import Schedule, duration, say, shown
from localcloud.toolchain.tool import ENGINE, Tool

BUILT = "built.json"


@dataclass(frozen=True)
class Toolchain:
    """Tools that are ready."""

    home: Path
    """PULUMI_HOME with the providers installed as plugins."""
    bin: Path
    """Folder of the programs, for PATH."""
    paths: Mapping[Tool, Path]

    def path(self, tool: Tool) -> Path:
        """Program, file or folder of a tool.

        Raises:
            LookupError: the tool was not among those prepared.
        """
        try:
            return self.paths[tool]
        except KeyError:
            raise LookupError(f"{tool} was not prepared; prepared: {', '.join(sorted(self.paths))}") from None

    def environment(self) -> dict[str, str]:
        """Environment variables for a Pulumi command, to be laid over the caller's own."""
        return {
            "PATH": os.pathsep.join((str(self.bin), os.environ.get("PATH", os.defpath))),
            "PULUMI_HOME": str(self.home),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "LOCALCLOUD_PYTHON": sys.executable,
        }


def prepare(tools: Iterable[Tool], *, console: Console) -> Toolchain:
    """Make those of `tools` that the cache lacks, and return where they all are.

    A Pulumi command on PATH that comes with a Python language host is used as it is.

    Args:
        tools: what is needed.
        console: where progress is shown.

    Raises:
        ToolchainError: no Go, no room, no network, a folder that cannot be written, or a build that failed.
    """
    wanted = frozenset(tools)
    folder = cache.root()
    engine = engine_on_path(folder) if wanted & ENGINE else {}
    pins = PINS.of(wanted - engine.keys())
    if missing(folder, pins):
        with cache.exclusively(folder, console):
            # Somebody else may have built them while this process waited.
            _build(folder, missing(folder, pins), console)
    paths = {pin.tool: cache.finished(folder, pin) / pin.entry for pin in pins}
    return _lay_out(folder, {**paths, **engine}, own_engine=not engine)


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
    go = Go.find(pins)
    cache.check_space(folder, go.build_cache, pins)
    schedule = Schedule(pins)
    say(
        console,
        f"Building {', '.join(pin.tool for pin in pins)} into {folder}: about {duration(schedule.total_s)}, "
        f"once ({PINS.measured_on}). It may be interrupted: what is finished stays.",
    )
    with shown(schedule, console):
        for number, pin in enumerate(pins, 1):
            started = time.monotonic()
            say(console, f"{pin.tool} {pin.version} ({number} of {len(pins)})")
            schedule.begin(pin)
            with cache.unfinished(folder, pin) as unfinished:
                _make(pin, go, unfinished, schedule)
                seconds = round(time.monotonic() - started, 1)
                (unfinished / BUILT).write_text(json.dumps({"seconds": seconds}))
            schedule.finish()
            say(console, f"{pin.tool} {pin.version} is ready after {seconds:.0f} s")


def _make(pin: Pin, go: Go, folder: Path, schedule: Schedule) -> None:
    sources = folder / ".sources"
    shutil.copytree(pin.sources, sources)
    try:
        if isinstance(pin, Artefact):
            artefact.make(pin, go.module_folder(sources, pin.module), folder)
        elif isinstance(pin, Binary):
            for file in pin.embed:
                _copy(go, sources, file, sources / file.name, pin.version)
            for file in pin.beside:
                _copy(go, sources, file, folder / file.name, pin.version)
                (folder / file.name).chmod(0o755)
            go.build(pin, sources, folder / pin.entry, schedule.heard)
    except OSError as wrong:
        raise ToolchainError(
            what=f"{pin.tool} {pin.version} could not be written: {wrong.strerror}.",
            where=str(wrong.filename or folder),
            do=f"mend that, or set {cache.VARIABLE} to another folder",
        ) from wrong
    cache.remove(sources)


def _copy(go: Go, sources: Path, file: ModuleFile, target: Path, version: str) -> None:
    """Copy a file out of a module; the copy is ours to write."""
    content = (go.module_folder(sources, file.module) / file.path).read_bytes()
    if file.stamp:
        content = json.dumps({**json.loads(content), "version": version}).encode()
    target.write_bytes(content)


def _lay_out(folder: Path, paths: Mapping[Tool, Path], *, own_engine: bool) -> Toolchain:
    """Link the tools into a PATH folder and a PULUMI_HOME that belong to exactly these pins."""
    every_pin = PINS.of(Tool)
    digest = hashlib.sha256(" ".join(pin.folder_name() for pin in every_pin).encode()).hexdigest()[:12]
    place = folder / "toolchains" / (digest if own_engine else f"{digest}-engine-on-path")
    programs, plugins = place / "bin", place / "home" / "plugins"
    programs.mkdir(parents=True, exist_ok=True)
    for pin in every_pin:
        if not isinstance(pin, Binary) or pin.tool not in paths or (pin.tool in ENGINE and not own_engine):
            continue
        if package := pin.tool.removeprefix("pulumi-resource-") if "-resource-" in pin.tool else "":
            _link(paths[pin.tool], plugins / f"resource-{package}-v{pin.version}" / pin.tool)
        else:
            _link(paths[pin.tool], programs / pin.tool)
    for provider in PINS.python_provider:
        _write_python_provider(provider, plugins)
    return Toolchain(home=place / "home", bin=programs, paths=dict(paths))


def _link(target: Path, link: Path) -> None:
    """Make a symbolic link in one step, so that another process never sees it absent."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = link.with_name(f".{link.name}-{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(link)


def _write_python_provider(provider: PythonProvider, plugins: Path) -> None:
    """Install a start script, since the engine starts only programs."""
    name = f"pulumi-resource-{provider.package}"
    script = plugins / f"resource-{provider.package}-v{provider.version}" / name
    text = f"""#!/bin/sh
if [ -z "${{LOCALCLOUD_PYTHON:-}}" ]; then
    echo "{name} here is a stand-in written in Python, and LOCALCLOUD_PYTHON does not say which Python." >&2
    echo "Run Pulumi through make preview or make up, or set it to .venv/bin/python of the project." >&2
    exit 1
fi
exec "$LOCALCLOUD_PYTHON" -m {provider.module} "$@"
"""
    if script.exists() and script.read_text() == text:
        return
    script.parent.mkdir(parents=True, exist_ok=True)
    temporary = script.with_name(f".{name}-{os.getpid()}")
    temporary.write_text(text)
    temporary.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    temporary.replace(script)
