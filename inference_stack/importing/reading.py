"""Every engine of a file, and every key of it: of manifests, Serve configurations, and commands anywhere."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from inference_stack.engine.document import at, mapping, number
from inference_stack.engine.schema import joined
from inference_stack.lint import documents, files, shell
from inference_stack.lint.commands import Server, servers
from inference_stack.lint.containers import compose_commands, pod_commands
from inference_stack.lint.dockerfile import dockerfile_commands
from inference_stack.lint.documents import Document
from inference_stack.lint.kinds import is_ray, is_serve_config
from inference_stack.lint.source import Source, Spot, whole
from inference_stack.spec import Finding

from . import ray
from .command import command_engine
from .fates import tell_shared_memory, tell_the_rest
from .hardware import pod_hardware
from .keys import Keys
from .served import Served

ELSE = "an environment does not do what else stands here"
REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")


class Part(NamedTuple):
    """One document of a file, or all of a script."""

    keys: Keys
    line: Callable[[str], int | None]
    """Where a key stands."""


@dataclass
class Read:
    """What a file holds."""

    engines: list[Served] = field(default_factory=list[Served])
    parts: list[Part] = field(default_factory=list[Part])
    faults: list[Finding] = field(default_factory=list[Finding])

    def tell_the_rest(self) -> None:
        """Say of every key that is left what becomes of it."""
        for part in self.parts:
            tell_the_rest(part.keys)


def read(source: Source, version: str) -> Read:
    """Everything in a file that an environment may ask for, and all else that stands there."""
    found = Read()
    text, form = whole(source), files.form(source)
    match form:
        case "yaml" | "json":
            told = (documents.parse_json if form == "json" else documents.parse)(text)
            found.faults += (_located(spot, source) for spot in told.faults)
            for document in told.read:
                _document(document, source, found, version)
        case "dockerfile":
            commands = dockerfile_commands(text)
            _commands(
                (one for words, held in commands for one in servers(words, held)), source, found, version
            )
        case _:
            commands = shell.script(text).commands
            _commands((one for words in commands for one in servers(words)), source, found, version)
    return found


def _document(document: Document, source: Source, found: Read, version: str) -> None:
    given = mapping(document.data)
    listed = given.get("items")
    if isinstance(listed, list) and str(given.get("kind")).endswith("List"):
        for index, entry in enumerate(cast("list[Any]", listed)):
            path = joined("items", index)
            if (node := document.node_at(path)) is not None:
                _document(document.below(node, entry, path), source, found, version)
        return
    reader = _Reader(document, given, source, version)
    found.parts.append(Part(reader.keys, reader.line))
    engines = [*reader.engines()]
    found.engines += engines
    if given and not engines:
        reader.keys.add(reader.root, given)
        told, do = "there is no engine in it", "apply it where it is needed"
        reader.keys.leave(reader.root, told, given=given.get("kind"), remedy=do)


@dataclass
class _Reader:
    """One document."""

    document: Document
    data: Mapping[str, Any]
    source: Source
    version: str
    keys: Keys = field(default_factory=Keys)

    @property
    def root(self) -> str:
        """Its path, where it is one of a list."""
        return self.document.text.origin

    def engines(self) -> Iterator[Served]:
        """Its engines; their keys are counted."""
        data, root = self.data, self.root
        if is_ray(data, "RayService"):
            yield from ray.service_engines(data, self.keys, root)
        elif is_serve_config(data):
            yield from ray.config_engines(data, self.keys, root)
        elif "model_loading_config" in data:
            yield ray.model_engine(data, self.keys, root)
        elif isinstance(listed := data.get("llm_configs"), list):
            self.keys.add(root, data)
            for index, entry in enumerate(cast("list[Any]", listed)):
                yield ray.model_engine(mapping(entry), self.keys, joined(root, "llm_configs", index))
        elif isinstance(data.get("services"), Mapping):
            yield from self._services()
        else:
            yield from self._pods()

    def line(self, path: str) -> int | None:
        """The line of a key."""
        if path in self.keys.lines:
            return self.keys.lines[path]
        below = path.removeprefix(self.root).removeprefix(".")
        return _located(self.document.spot(Finding(code="key", path=below, what="")), self.source).line

    def _services(self) -> Iterator[Served]:
        self.keys.add(self.root, self.data)
        for path, words in compose_commands(self.document):
            for server in servers(words):
                served = command_engine(server, self.keys, self.source, self.version)
                served.said[""] = tuple(joined(self.root, path, key) for key in ("command", "entrypoint"))
                yield served

    def _pods(self) -> Iterator[Served]:
        started = [
            (each, server)
            for each in pod_commands(self.document)
            for server in servers(each.words, each.environment)
        ]
        if started:
            self.keys.add(self.root, self.data)
        for each, server in started:
            served = command_engine(server, self.keys, self.source, self.version)
            pod = joined(self.root, each.path.rpartition(".")[0])
            served.hardware = pod_hardware(each.pod, pod)
            served.said[""] = tuple(joined(self.root, each.path, key) for key in ("command", "args"))
            tell_shared_memory(self.keys, each.pod, pod)
            if self.data.get("kind") in REPLICATED:
                copies = number(at(self.data, "spec", "replicas"))
                amount = max(1, int(1 if copies is None else copies))
                served.replicas = (amount, amount)
                served.said["replicas"] = (joined(self.root, "spec", "replicas"),)
            yield served


def _commands(started: Iterator[Server], source: Source, found: Read, version: str) -> None:
    """The engines of a script or a Dockerfile, and each of its lines that starts none."""
    read: set[int] = set()
    for server in started:
        keys = Keys()
        found.parts.append(Part(keys, keys.lines.get))
        found.engines.append(command_engine(server, keys, source, version))
        ends = (server.program, *server.argv)
        for word in ends:
            first, last = (source.place(end, end).line for end in (word.token[0], word.token[1] - 1))
            read.update(range(first, last + 1))
    keys = Keys()
    for number_, line in enumerate(source.text.splitlines(), start=1):
        said = line.strip()
        if said and not said.startswith("#") and number_ not in read:
            path = f"line {number_}"
            keys.add(path, None)
            keys.lines[path] = number_
            # What stands behind a sign of equality may be a secret.
            keys.leave(path, ELSE, given=said.partition("=")[0][:60])
    found.parts.append(Part(keys, keys.lines.get))


def _located(spot: Spot, source: Source) -> Finding:
    return spot.finding.model_copy(update={"line": source.place(spot.start, spot.end).line})
