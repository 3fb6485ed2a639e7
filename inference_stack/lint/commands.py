"""Commands that start vLLM's server, and what its engine would refuse or misread in them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from inference_stack.engine.command_line import Entry, command_line_findings, started
from inference_stack.engine.command_line.options import Option
from inference_stack.engine.command_line.options import word as option
from inference_stack.spec import Finding

from . import shell
from .shell import Words
from .source import Spot, Traced, spaced

IMAGE = re.compile(r"(?:[\w.:-]+/)*vllm/vllm-openai(?:-\w+)?(?:[:@].*)?")
"""The image whose entry point is `vllm serve`: what follows it are its arguments."""

RUNNERS = frozenset(("docker", "podman", "nerdctl"))
SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ash", "ksh"))
TALKERS = frozenset(
    ("echo", "printf", "grep", "egrep", "rg", "git", "pip", "pip3", "which", "pkill", "pgrep", "sed")
)
"""Programs that speak of commands without running them."""

GONE_MODULES = frozenset(("vllm.entrypoints.api_server",))
"""What `python -m` started once. Not in 0.29.0 any more: vllm/entrypoints/ has no api_server.py."""


class Server(NamedTuple):
    """A server that a command starts."""

    entry: Entry
    program: Traced
    """The last word before those that the server itself reads."""
    argv: Words


def command_spots(
    words: Words, version: str, variables: Mapping[str, Traced] | None = None, *, in_script: bool = False
) -> Iterator[Spot]:
    """What is wrong with the server that a command starts, if it starts one.

    `variables` are those of the environment that it runs in; `in_script`, whether a shell is to run it.
    """
    for found in _started(words, variables, in_script=in_script):
        if isinstance(found, Server):
            yield from _server_spots(*found, version)
        elif not found.value.startswith("--"):
            yield _gone(found, version)
        elif isinstance(option(version, found.value), Option):
            yield _cut_off(found)


def servers(words: Words, variables: Mapping[str, Traced] | None = None) -> Iterator[Server]:
    """The servers that a command starts, itself or in a script that it runs."""
    return (found for found in _started(words, variables) if isinstance(found, Server))


def _started(
    words: Words, variables: Mapping[str, Traced] | None = None, *, in_script: bool = False
) -> Iterator[Server | Traced]:
    """Servers, names of modules that are none any more, and options where a command should begin."""
    texts = [word.value for word in words]
    name = _basename(texts[0]) if texts else ""
    if name in TALKERS:
        return
    if in_script and name.startswith("--"):
        yield words[0]
    elif found := started(texts):
        yield Server(found.entry, words[found.begin - 1], words[found.begin :])
    elif inner := _in_image(name, words):
        yield from _started(inner)
    elif gone := next((word for word in words if word.value in GONE_MODULES), None):
        yield gone
    else:
        for text in _scripts(name, words):
            for inner in shell.script(text, variables).commands:
                yield from _started(inner, in_script=True)


def in_image(image: Traced, words: Words, *, entrypoint: Words = ()) -> Words:
    """The whole command of a container: with the image's own entry point, where it is known and kept."""
    if entrypoint or not IMAGE.fullmatch(image.value):
        return (*entrypoint, *words)
    start = image.token[0]
    own = (Traced(word, [start] * len(word), image.token, image.origin) for word in ("vllm", "serve"))
    return (*own, *words)


def _server_spots(entry: Entry, program: Traced, argv: Words, version: str) -> Iterator[Spot]:
    for placed in command_line_findings(version, [word.value for word in argv], entry=entry):
        # What is about the command as a whole stands at what it starts.
        yield _spot(placed.finding, argv[placed.token] if placed.token >= 0 else program)


def _spot(finding: Finding, word: Traced) -> Spot:
    # In a document, where the word stands comes first, and then the option.
    told = finding.at(f"{word.origin}: {finding.path}") if word.origin else finding
    return Spot(told, *word.token)


def _in_image(name: str, words: Words) -> Words | None:
    """What runs inside, where a command runs the image."""
    if name not in RUNNERS:
        return None
    at = next((index for index, word in enumerate(words) if IMAGE.fullmatch(word.value)), None)
    if at is None:
        return None
    entrypoint = _option(words[:at], "--entrypoint")
    return in_image(words[at], words[at + 1 :], entrypoint=(entrypoint,) if entrypoint else ())


def _option(words: Sequence[Traced], name: str) -> Traced | None:
    for index, word in enumerate(words):
        if word.value.startswith(f"{name}="):
            return word.part(len(name) + 1, len(word.value))
        if word.value == name and index + 1 < len(words):
            return words[index + 1]
    return None


def _scripts(name: str, words: Words) -> Iterator[Traced]:
    """Arguments that are scripts themselves: that of `bash -c`, of ssh, of tmux."""
    if name == "eval" and len(words) > 1:
        yield spaced(words[1:], words[1].token)
        return
    for word in words[1:]:
        if "vllm" in word.value and any(map(str.isspace, word.value)):
            yield word


def _gone(word: Traced, version: str) -> Spot:
    finding = Finding(
        code="unknown-entry-point",
        path="-m",
        given=word.value,
        what=f"vLLM {version} has no module of this name",
        remedy="start `vllm serve MODEL`",
    )
    return _spot(finding, word)


def _cut_off(word: Traced) -> Spot:
    finding = Finding(
        code="option-cut-off",
        path=word.value.partition("=")[0],
        what="the shell takes this for a command of its own: the line before it does not lead on to here",
        remedy="end that line with a backslash, and have no comment and no blank line in between",
    )
    return _spot(finding, word)


def _basename(word: str) -> str:
    return word.rsplit("/", 1)[-1]
