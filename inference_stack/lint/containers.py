"""The commands of containers: in pods of whatever kind, and in Compose files."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import yaml

from inference_stack.engine import pod_findings
from inference_stack.engine.schema import joined as path_to
from inference_stack.spec import Finding

from .commands import command_spots, in_image
from .documents import Document, items
from .shell import Words, script
from .source import Spot, Traced, joined

RAYS_OWN = frozenset(("RayService", "RayCluster", "RayJob", "RayCronJob"))
"""Kinds whose pods are judged with their cluster."""

POD_REFERENCE = re.compile(r"\$(\$)?\(([\w.-]+)\)")
COMPOSE_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)(?::?-([^}]*)|[^}]*)\}|(\w+))")


class PodCommand(NamedTuple):
    """What a container of a pod runs."""

    path: str
    """Of the container."""
    container: Mapping[str, Any]
    pod: Mapping[str, Any]
    words: Words
    environment: Mapping[str, Traced]


def pod_commands(document: Document) -> Iterator[PodCommand]:
    """The commands of containers, wherever in a document they are."""
    for path, container, pod in _containers(document.data):
        environment = _pod_environment(document, container, path)
        command = _list(document, path_to(path, "command"), POD_REFERENCE, environment)
        arguments = _list(document, path_to(path, "args"), POD_REFERENCE, environment)
        words = _in_container(document, path, arguments, command)
        yield PodCommand(path, container, pod, words, environment)


def pod_spots(document: Document, version: str) -> Iterator[Spot]:
    """What is wrong with the servers that containers start, and with their pods, wherever they are."""
    serving: dict[str, Any] = {}
    for each in pod_commands(document):
        if any("vllm" in word.value for word in each.words):
            yield from _texts_only(document, each.container, each.path)
            yield from command_spots(each.words, version, each.environment)
            serving[each.path.rpartition(".")[0]] = each.pod
    if str(document.data.get("kind")) not in RAYS_OWN:
        for path, pod in serving.items():
            yield from map(document.spot, pod_findings(pod, path))


def compose_spots(document: Document, version: str) -> Iterator[Spot]:
    """What is wrong with the servers that the services of a Compose file start."""
    for _, words in compose_commands(document):
        yield from command_spots(words, version)


def compose_commands(document: Document) -> Iterator[tuple[str, Words]]:
    """The path of each service of a Compose file, and its command."""
    services = cast("Mapping[str, Any]", document.data["services"])
    for path in (path_to("services", str(name)) for name in services):
        entrypoint = _compose_words(document, path_to(path, "entrypoint"))
        command = _compose_words(document, path_to(path, "command"))
        yield path, _in_container(document, path, command, entrypoint)


def _in_container(document: Document, path: str, words: Words, entrypoint: Words) -> Words:
    place = path_to(path, "image")
    node = document.node_at(place)
    if not isinstance(node, yaml.ScalarNode):
        return (*entrypoint, *words)
    return in_image(document.traced(node, place), words, entrypoint=entrypoint)


def _containers(root: Any) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Everything in a list `containers` or `initContainers`, with its path and its pod."""
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            held = cast("Mapping[str, Any]", value)
            for key, below in held.items():
                place = path_to(path, str(key))
                if key in {"containers", "initContainers"} and isinstance(below, list):
                    for index, each in enumerate(cast("list[Any]", below)):
                        if isinstance(each, Mapping):
                            yield path_to(place, index), cast("Mapping[str, Any]", each), held
                else:
                    waiting.append((place, below))
        elif isinstance(value, list):
            entries = enumerate(cast("list[Any]", value))
            waiting += [(path_to(path, index), each) for index, each in entries]


def _list(
    document: Document, path: str, reference: re.Pattern[str], variables: Mapping[str, Traced]
) -> Words:
    node = document.node_at(path)
    scalars = [(index, each) for index, each in enumerate(items(node) if node else ())]
    return tuple(
        _filled(document.traced(each, path_to(path, index)), reference, variables)
        for index, each in scalars
        if isinstance(each, yaml.ScalarNode)
    )


def _filled(text: Traced, reference: re.Pattern[str], variables: Mapping[str, Traced]) -> Traced:
    """A text with its references replaced: by what is known, or by the mark of what is not."""
    pieces: list[Traced] = []
    last = 0
    for match in reference.finditer(text.value):
        pieces.append(text.part(last, match.start()))
        here = text.part(*match.span())
        if match.group(1):
            # Written twice, the sign stands for itself.
            pieces.append(text.part(match.start() + 1, match.end()))
        elif match.group(2) in variables:
            pieces.append(variables[match.group(2)].at(here.token))
        elif (match.lastindex or 0) >= 3 and match.group(3) is not None:
            pieces.append(text.part(*match.span(3)))
        else:
            pieces.append(here.unknown())
        last = match.end()
    return joined([*pieces, text.part(last, len(text.value))], text.token) if last else text


def _pod_environment(document: Document, container: Mapping[str, Any], path: str) -> dict[str, Traced]:
    """Variables whose value is written in the manifest."""
    found: dict[str, Traced] = {}
    given = container.get("env")
    for index, entry in enumerate(cast("list[Any]", given) if isinstance(given, list) else ()):
        if isinstance(entry, Mapping):
            place = path_to(path, "env", index, "value")
            node = document.node_at(place)
            name = cast("Mapping[str, Any]", entry).get("name")
            if isinstance(node, yaml.ScalarNode) and isinstance(name, str):
                found[name] = document.traced(node, place)
    return found


def _texts_only(document: Document, container: Mapping[str, Any], path: str) -> Iterator[Spot]:
    """Kubernetes takes texts for words; YAML makes numbers of them where they stand without quotes."""
    for key in ("command", "args"):
        given = container.get(key)
        for index, entry in enumerate(cast("list[Any]", given) if isinstance(given, list) else ()):
            if not isinstance(entry, str):
                yield document.spot(
                    Finding(
                        code="wrong-type",
                        path=path_to(path, key, index),
                        given=str(entry),
                        what="Kubernetes takes nothing but text here",
                        remedy="put it into quotes",
                    )
                )


def _compose_words(document: Document, path: str) -> Words:
    node = document.node_at(path)
    if not isinstance(node, yaml.ScalarNode):
        return _list(document, path, COMPOSE_REFERENCE, {})
    text = document.traced(node, path)
    # Compose splits it into words as a shell would, but runs no shell: a line's end is a blank.
    flat = Traced(
        re.sub(r"\\?\r?\n", lambda end: " " * len(end.group()), text.value), text.offsets, text.token, path
    )
    commands = script(_filled(flat, COMPOSE_REFERENCE, {})).commands
    return commands[0] if commands else ()
