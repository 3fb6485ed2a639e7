"""Drives the Go command: finds it, asks it for modules, builds with it, and says why it failed."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.pins import BUILD_FLAGS, LINK_FLAGS, Binary, Pin

LAST_WORDS = 8
DOWNLOADING = "go: downloading "
INSTALL = "install a current Go (https://go.dev/doc/install) and run the command again"


@dataclass(frozen=True)
class Go:
    """A Go command that is new enough for what is to be built."""

    executable: str
    build_cache: Path
    module_cache: Path

    @classmethod
    def find(cls, pins: Sequence[Pin]) -> "Go":
        """The Go command on PATH.

        Raises:
            ToolchainError: there is none, or it is older than a module of `pins` demands.
        """
        executable = shutil.which("go")
        if executable is None:
            raise ToolchainError(
                what="No Go toolchain: the command `go` is not on PATH.",
                where=f"PATH={os.environ.get('PATH', '')}",
                allowed=f"Go {_text(_needed(pins))} or newer, or everything already in the cache",
                do=INSTALL,
            )
        # Inside a module, Go may switch to a newer toolchain by itself: that one's answer counts.
        strictest = max(pins, key=lambda pin: _directive(pin.sources)).sources
        asked = _ask([executable, "env", "-json", "GOVERSION", "GOCACHE", "GOMODCACHE"], strictest)
        if "requires go" in asked.stderr:
            raise _too_old(executable, pins, asked.stderr.strip())
        if asked.returncode:
            raise failure("The command `go` does not work.", executable, asked.stderr.splitlines())
        facts = json.loads(asked.stdout)
        given = _numbers(facts["GOVERSION"].removeprefix("go"))
        if given < _needed(pins):
            raise _too_old(executable, pins, facts["GOVERSION"])
        return cls(executable, Path(facts["GOCACHE"]), Path(facts["GOMODCACHE"]))

    def module_folder(self, sources: Path, module: str) -> Path:
        """Folder of the unpacked module at the version that `sources`/go.mod pins; downloaded if need be."""
        asked = _ask([self.executable, "mod", "download", "-json", module], sources)
        if asked.returncode:
            named = f"{DOWNLOADING}{module} {_required(sources, module)}"
            said = [named, *asked.stderr.splitlines(), *_module_error(asked.stdout)]
            raise failure(f"The Go module {module} could not be had.", module, said)
        return Path(json.loads(asked.stdout)["Dir"])

    def build(self, pin: Binary, sources: Path, output: Path, report: Callable[[str], None]) -> None:
        """Compile a program.

        Args:
            pin: what to compile.
            sources: folder of its go.mod; may differ from the pin's own by added files.
            output: the program to write.
            report: called with each package as it is compiled, and with each "go: downloading …" line.

        Raises:
            ToolchainError: whatever went wrong, with the last lines of Go.
        """
        variables = " ".join(f"-X {name}={value}" for name, value in pin.variables.items())
        scratch = output.parent / ".scratch"
        scratch.mkdir()
        process = subprocess.Popen(
            [
                *(self.executable, "build", *BUILD_FLAGS, "-v"),
                *(("-tags", ",".join(pin.tags)) if pin.tags else ()),
                *("-ldflags", f"{LINK_FLAGS} {variables}".strip(), "-o", str(output), pin.package),
            ],
            cwd=sources,
            env={**environment(), "CGO_ENABLED": "0", "GOTMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = deque[str](maxlen=40)
        try:
            for line in process.stdout or ():
                said.append(line.rstrip())
                report(line.rstrip())
            status = process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        if status:
            raise failure(f"{pin.name} could not be built.", f"{pin.sources}/go.mod", said)
        shutil.rmtree(scratch)


def environment() -> dict[str, str]:
    """The caller's environment, without what would build for another machine or from other modules."""
    foreign = {"GOOS", "GOARCH", "GOARM64", "GOAMD64"}
    return {name: value for name, value in os.environ.items() if name not in foreign} | {"GOWORK": "off"}


def is_package(line: str) -> bool:
    """Whether a line of `go build -v` names a package that has been compiled."""
    return re.fullmatch(r"[\w.\-~]+(/[\w.\-~]+)*", line) is not None


def failure(what: str, where: str, said: Iterable[str]) -> ToolchainError:
    """The error for a Go command that failed, told by what it said."""
    lines = [line for line in said if line and not is_package(line)]
    words = [line for line in lines if not line.startswith(DOWNLOADING)]
    text = "\n".join(words)
    detail = "\n".join(words[-LAST_WORDS:])
    if "no space left on device" in text or "disk quota exceeded" in text.lower():
        full = re.search(r"(/\S+?): no space left on device", text)
        return ToolchainError(
            what=f"{what} The disk is full.",
            where=full.group(1) if full else where,
            do="free some space, or point INFERENCE_STACK_CACHE, GOCACHE and GOMODCACHE at a larger disk",
            detail=detail,
        )
    if module := _module_not_had(lines):
        return ToolchainError(
            what=f"{what} A module was refused, could not be reached, or is not the one that go.sum pins.",
            where=f"module {module}",
            do="check the network, and that `go env GOPROXY` names a proxy that serves this module",
            detail=detail,
        )
    return ToolchainError(
        what=what,
        where=where,
        do="read what Go said; nothing half-made was kept, so the same command may simply be run again",
        detail=detail,
    )


def _ask(command: Sequence[str], sources: Path) -> subprocess.CompletedProcess[str]:
    """Run a Go command that answers at once, in the folder of a go.mod."""
    return subprocess.run(
        command, cwd=sources, env=environment(), capture_output=True, text=True, check=False
    )


def _module_not_had(lines: Sequence[str]) -> str | None:
    """The module at fault, if one is: named in the message, or else the last that was asked for."""
    text = "\n".join(lines)
    if named := re.search(r"(?:^|\s)([^\s:]+@v[^\s:/]+): ", text):
        return named.group(1)
    asked = [
        line.removeprefix(DOWNLOADING).replace(" ", "@") for line in lines if line.startswith(DOWNLOADING)
    ]
    return asked[-1] if asked and "module lookup disabled" in text else None


def _module_error(stdout: str) -> list[str]:
    try:
        return [json.loads(stdout)["Error"]]
    except (ValueError, KeyError):
        return stdout.splitlines()


def _too_old(executable: str, pins: Sequence[Pin], given: str) -> ToolchainError:
    return ToolchainError(
        what="The Go toolchain is too old.",
        where=f"{executable}: {given}",
        allowed=f"Go {_text(_needed(pins))} or newer",
        do=INSTALL,
    )


def _needed(pins: Sequence[Pin]) -> tuple[int, ...]:
    return max(_directive(pin.sources) for pin in pins)


def _directive(sources: Path) -> tuple[int, ...]:
    """The `go` line of a go.mod."""
    for line in (sources / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return _numbers(line.removeprefix("go "))
    raise ValueError(f"{sources / 'go.mod'} has no go line")


def _required(sources: Path, module: str) -> str:
    """The version of a module in a go.mod."""
    found = re.search(rf"\s{re.escape(module)} (v\S+)", (sources / "go.mod").read_text())
    return found.group(1) if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
