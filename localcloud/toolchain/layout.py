"""Lays tools out as the Pulumi engine looks for them."""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.toolchain import cache
from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.pins import PINS, Binary, Pin, PythonProvider
from localcloud.toolchain.tool import Tool

PROVIDER = "pulumi-resource-"
START_SCRIPT = """#!/bin/sh
if [ -z "${{LOCALCLOUD_PYTHON:-}}" ]; then
    echo "{name} here is a stand-in written in Python, and LOCALCLOUD_PYTHON does not say which Python." >&2
    echo "Run Pulumi through make preview or make up, or set it to .venv/bin/python of the project." >&2
    exit 1
fi
exec "$LOCALCLOUD_PYTHON" -m {module} "$@"
"""


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


def lay_out(folder: Path, pins: Sequence[Pin], engine: Mapping[Tool, Path]) -> Toolchain:
    """Make the PATH folder and the PULUMI_HOME that belong to exactly the pins of this project.

    Args:
        folder: the cache.
        pins: tools that are in it.
        engine: the Pulumi of the user, where it is used instead of ours.
    """
    digest = hashlib.sha256(" ".join(pin.folder_name() for pin in PINS.of(Tool)).encode()).hexdigest()[:12]
    place = folder / "toolchains" / (f"{digest}-engine-on-path" if engine else digest)
    programs, plugins = place / "bin", place / "home" / "plugins"
    programs.mkdir(parents=True, exist_ok=True)
    paths = dict(engine)
    for pin in pins:
        finished = cache.finished(folder, pin)
        if not isinstance(pin, Binary):
            paths[pin.tool] = finished / pin.entry
            continue
        target = programs
        if pin.tool.startswith(PROVIDER):
            target = plugins / f"resource-{pin.tool.removeprefix(PROVIDER)}-v{pin.version}"
        for name in (pin.entry, *(file.name for file in pin.beside)):
            _link(finished / name, target / name)
        paths[pin.tool] = target / pin.entry
    for provider in PINS.python_provider:
        _write_start_script(provider, plugins)
    return Toolchain(home=place / "home", bin=programs, paths=paths)


def _link(original: Path, link: Path) -> None:
    """A hard link: the engine resolves symbolic ones, and then misses the language hosts beside itself."""
    if link.exists() and link.samefile(original):
        return
    try:
        _put(link, lambda temporary: temporary.hardlink_to(original))
    except OSError as wrong:
        raise ToolchainError(
            what=f"{link.name} could not be linked: {wrong.strerror}.",
            where=str(link),
            allowed="a file system with hard links",
            do=f"set {cache.VARIABLE} to a folder on one",
        ) from wrong


def _write_start_script(provider: PythonProvider, plugins: Path) -> None:
    """The engine starts only programs, so a provider written in Python gets a script that starts it."""
    name = f"{PROVIDER}{provider.package}"
    script = plugins / f"resource-{provider.package}-v{provider.version}" / name
    text = START_SCRIPT.format(name=name, module=provider.module)

    def write(temporary: Path) -> None:
        temporary.write_text(text)
        temporary.chmod(0o755)

    if not script.exists() or script.read_text() != text:
        _put(script, write)


def _put(path: Path, make: Callable[[Path], None]) -> None:
    """Make a file in one step, so that another process sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    make(temporary)
    temporary.replace(path)
    # Where another process was faster with a link to the same file, replacing it does nothing at all.
    temporary.unlink(missing_ok=True)
