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
    if isinstance(listed := mapping(document.data).get("items"), list):
        for index, entry in enumerate(cast("list[Any]", listed)):
            if (node := document.node_at(joined("items", index))) is not None:
                _document(document.below(node, entry, joined("items", index)), source, found, version)
        return
    given, keys = mapping(document.data), Keys()

    def line(path: str) -> int | None:
        return _line(document, source, keys, path)

    found.parts.append(Part(keys, line))
    engines = [*_engines(document, given, keys, source, version)]
    found.engines += engines
    if given and not engines:
        keys.add("", given)
        keys.leave(
            "", "there is no engine in it", given=given.get("kind"), remedy="apply it where it is needed"
        )


def _engines(
    document: Document, data: Mapping[str, Any], keys: Keys, source: Source, version: str
) -> Iterator[Served]:
    if is_ray(data, "RayService"):
        yield from ray.service_engines(data, keys)
    elif is_serve_config(data):
        yield from ray.config_engines(data, keys)
    elif "model_loading_config" in data:
        yield ray.model_engine(data, keys)
    elif isinstance(listed := data.get("llm_configs"), list):
        keys.add("", data)
        for index, entry in enumerate(cast("list[Any]", listed)):
            yield ray.model_engine(mapping(entry), keys, joined("llm_configs", index))
    elif isinstance(data.get("services"), Mapping):
        keys.add("", data)
        for path, words in compose_commands(document):
            for server in servers(words):
                served = command_engine(server, keys, source, version)
                served.said[""] = (joined(path, "command"), joined(path, "entrypoint"))
                yield served
    else:
        yield from _pods(document, data, keys, source, version)


def _pods(
    document: Document, data: Mapping[str, Any], keys: Keys, source: Source, version: str
) -> Iterator[Served]:
    found = [
        (each, server) for each in pod_commands(document) for server in servers(each.words, each.environment)
    ]
    if found:
        keys.add("", data)
    for each, server in found:
        served = command_engine(server, keys, source, version)
        path = each.path.rpartition(".")[0]
        served.hardware = pod_hardware(each.pod, path)
        served.said[""] = (joined(each.path, "command"), joined(each.path, "args"))
        tell_shared_memory(keys, each.pod, path)
        copies = number(at(data, "spec", "replicas"))
        if data.get("kind") in REPLICATED:
            amount = max(1, int(1 if copies is None else copies))
            served.replicas, served.said["replicas"] = (amount, amount), ("spec.replicas",)
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


def _line(document: Document, source: Source, keys: Keys, path: str) -> int | None:
    if path in keys.lines:
        return keys.lines[path]
    return _located(document.spot(Finding(code="key", path=path, what="")), source).line


def _located(spot: Spot, source: Source) -> Finding:
    return spot.finding.model_copy(update={"line": source.place(spot.start, spot.end).line})
