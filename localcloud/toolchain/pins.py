"""Reads pins.toml: what each tool is made from, under which name it is kept, what a first build costs."""

import hashlib
import platform
import tomllib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveInt

from localcloud.toolchain.tool import Tool

FOLDER = Path(__file__).resolve().parent
BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
LINK_FLAGS = "-s -w"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModuleFile(_Frozen):
    """A file that a published module carries."""

    module: str
    path: str
    stamp: bool = False
    """Whether the file is a JSON object in which the tool's version must be written."""

    @property
    def name(self) -> str:
        """Its own name, without folders."""
        return Path(self.path).name


class Patch(_Frozen):
    """A file of a module that the compiler is given in another version."""

    module: str
    path: str
    by: str
    """The other version, in the family's folder."""


class Pin(_Frozen):
    """One tool at one version."""

    tool: Tool
    version: str
    family: str
    """Folder under go/ whose go.mod and go.sum say from which modules."""
    cold_s: NonNegativeFloat
    """Seconds of a first build on the machine of `Pins.measured_on`."""
    size_mb: PositiveInt
    go_caches_mb: PositiveInt

    @property
    def name(self) -> str:
        """Tool and version, for people."""
        return f"{self.tool} {self.version}"

    @property
    def sources(self) -> Path:
        """The family's folder."""
        return FOLDER / "go" / self.family

    @property
    def entry(self) -> str:
        """Where in the folder of the finished tool its path points."""
        raise NotImplementedError

    def recipe(self) -> Iterable[bytes]:
        """Everything that decides what comes out."""
        measured = {"cold_s", "size_mb", "go_caches_mb", "packages"}
        yield self.model_dump_json(exclude=measured, exclude_defaults=True).encode()
        yield f"{platform.system()} {platform.machine()}".encode()
        for file in sorted(path for path in self.sources.rglob("*") if path.is_file()):
            yield str(file.relative_to(self.sources)).encode()
            yield file.read_bytes()

    def folder_name(self) -> str:
        """Name of the finished tool's folder: changes with anything that decides what comes out."""
        digest = hashlib.sha256()
        for part in self.recipe():
            digest.update(len(part).to_bytes(8, "big") + part)
        return f"{self.tool}-{self.version}-{digest.hexdigest()[:12]}"


class Binary(Pin):
    """A Go program."""

    package: str
    packages: PositiveInt
    """How many packages its first build compiles."""
    variables: dict[str, str] = {}
    """Go variables that the linker sets."""
    tags: tuple[str, ...] = ()
    """Go build tags."""
    embed: tuple[ModuleFile, ...] = ()
    """Files put beside the source before it is compiled."""
    patch: tuple[Patch, ...] = ()
    beside: tuple[ModuleFile, ...] = ()
    """Executable files put beside the program."""

    @property
    def entry(self) -> str:
        """The program."""
        return self.tool

    def recipe(self) -> Iterable[bytes]:
        """As every pin, with the flags of the build."""
        yield from super().recipe()
        yield " ".join((*BUILD_FLAGS, LINK_FLAGS)).encode()


class Artefact(Pin):
    """Files made from those of a module, without compiling anything."""

    module: str
    file: str | None = None
    """The one file that it is; a folder otherwise."""

    @property
    def entry(self) -> str:
        """The file, or the folder itself."""
        return self.file or "."

    def recipe(self) -> Iterable[bytes]:
        """As every pin, with the code that makes the files."""
        yield from super().recipe()
        yield (FOLDER / "artefact.py").read_bytes()
        yield (FOLDER / "gateway_charts.py").read_bytes()


class Npm(Pin):
    """A program of Node.js, with the packages that it needs."""

    program: str
    go_caches_mb: int = 0

    @property
    def sources(self) -> Path:
        """The folder of its package.json and lock file."""
        return FOLDER / "npm" / self.family

    @property
    def entry(self) -> str:
        """The program."""
        return f"node_modules/.bin/{self.program}"


class PythonProvider(_Frozen):
    """A Pulumi provider that is a Python module of this project."""

    package: str
    version: str
    module: str


class Pins(_Frozen):
    """All of pins.toml."""

    measured_on: str
    binary: tuple[Binary, ...]
    artefact: tuple[Artefact, ...]
    npm: tuple[Npm, ...]
    python_provider: tuple[PythonProvider, ...]

    def of(self, tools: Iterable[Tool]) -> list[Pin]:
        """The pins of some tools, in the order in which they are best built."""
        by_tool: dict[Tool, Pin] = {pin.tool: pin for pin in (*self.binary, *self.artefact, *self.npm)}
        wanted = frozenset(tools)
        return [by_tool[tool] for tool in Tool if tool in wanted]


PINS = Pins.model_validate(tomllib.loads((FOLDER / "pins.toml").read_text()))
