"""The servers that a Dockerfile starts: while it builds, and when its image runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from . import documents
from .commands import command_spots, in_image
from .shell import Words, script
from .source import ReadText, Spot, Traced, joined

ESCAPE = re.compile(
    r"\A(?:[ \t]*#[^\n]*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)[ \t]+")
IGNORED = re.compile(r"[ \t]*(?:#.*)?\r?\n?")
HEREDOC = re.compile(r"<<-?[ \t]*([\"']?)(\w+)\1")
OPTIONS = re.compile(r"(?:--[\w-]+(?:=\S*)?\s+)*")
PAIR = re.compile(r"(\w+)=((?:\"(?:\\.|[^\"])*\"|'[^']*'|\\.|[^\s\"'])*)")


NO_IMAGE = Traced("", (), (0, 0))


class Instruction(NamedTuple):
    """One instruction: its lines joined, comments left out."""

    name: str
    """In capitals."""
    arguments: Traced
    heredocs: tuple[Traced, ...]


@dataclass(frozen=True)
class Stage:
    """What an image is when it runs."""

    image: Traced = NO_IMAGE
    entrypoint: Words = ()
    command: Words = ()
    """Both as lists of words: what the shell is given counts as one word after `sh -c`."""
    variables: dict[str, Traced] = field(default_factory=dict[str, Traced])


def instructions(text: Traced) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, in order."""
    escape = found.group(1) if (found := ESCAPE.match(text.value)) else "\\"
    continued = re.compile(re.escape(escape) + r"[ \t]*\r?\n?\Z")
    lines = [match.span() for match in re.finditer(r"[^\n]*\n|[^\n]+", text.value)]
    at = 0
    while at < len(lines):
        start, end = lines[at]
        at += 1
        line = text.part(start, end)
        head = INSTRUCTION.match(line.value)
        if head is None:
            continue
        pieces = [text.part(start + head.end(), end)]
        while (more := continued.search(pieces[-1].value)) and at < len(lines):
            pieces[-1] = pieces[-1].part(0, more.start())
            while at < len(lines) and IGNORED.fullmatch(text.value, *lines[at]):
                at += 1
            if at < len(lines):
                pieces.append(text.part(*lines[at]))
                at += 1
        arguments = joined(pieces, (pieces[0].token[0], pieces[-1].token[1]))
        bodies: list[Traced] = []
        for _, name in (
            HEREDOC.findall(arguments.value) if head.group(1).upper() in {"RUN", "COPY", "ADD"} else ()
        ):
            begin = at
            while at < len(lines) and text.value[slice(*lines[at])].strip() != name:
                at += 1
            if begin < at:
                bodies.append(text.part(lines[begin][0], lines[at - 1][1]))
            at += 1
        yield Instruction(head.group(1).upper(), arguments, tuple(bodies))


def dockerfile_spots(text: Traced, version: str, read_text: ReadText) -> Iterator[Spot]:
    """What is wrong with the servers that a Dockerfile starts, and with the files that it holds."""
    for words, variables in dockerfile_commands(text):
        yield from command_spots(words, version, variables)
    for instruction in instructions(text):
        for file in instruction.heredocs if instruction.name != "RUN" else ():
            yield from read_text(file, "")


def dockerfile_commands(text: Traced) -> Iterator[tuple[Words, Mapping[str, Traced]]]:
    """The commands of a Dockerfile, each with its variables: while it builds, and when its image runs."""
    stages: dict[str, Stage] = {}
    stage, name = Stage(), ""
    for instruction in instructions(text):
        if instruction.name == "FROM":
            yield from _running(stage)
            stages[name] = stage
            stage, name = _from(instruction.arguments, stages)
        elif instruction.name == "RUN":
            arguments = instruction.arguments
            command = arguments.part(_after_options(arguments), len(arguments.value))
            for script_text in instruction.heredocs or (command,):
                for words in script(script_text, stage.variables).commands:
                    yield words, {}
        else:
            stage = _changed(stage, instruction)
    yield from _running(stage)


def _running(stage: Stage) -> Iterator[tuple[Words, Mapping[str, Traced]]]:
    # Without a command of its own a stage starts what another image decides.
    if stage.command or stage.entrypoint:
        yield in_image(stage.image, stage.command, entrypoint=stage.entrypoint), stage.variables


def _from(arguments: Traced, stages: dict[str, Stage]) -> tuple[Stage, str]:
    words = [word for word in re.finditer(r"\S+", arguments.value) if not word.group().startswith("--")]
    if not words:
        return Stage(), ""
    image = arguments.part(*words[0].span())
    name = words[2].group().lower() if len(words) > 2 and words[1].group().lower() == "as" else ""
    before = stages.get(image.value.lower())
    if before is None:
        return Stage(image), name
    # What runs there was told where it was written.
    return Stage(before.image, before.entrypoint, (), dict(before.variables)), name


def _changed(stage: Stage, instruction: Instruction) -> Stage:
    variables = dict(stage.variables)
    match instruction.name:
        case "ENTRYPOINT":
            return Stage(stage.image, _form(instruction.arguments), stage.command, variables)
        case "CMD":
            return Stage(stage.image, stage.entrypoint, _form(instruction.arguments), variables)
        case "ENV" | "ARG":
            variables |= _variables(instruction.arguments, variables)
            return Stage(stage.image, stage.entrypoint, stage.command, variables)
        case _:
            return stage


def _form(arguments: Traced) -> Words:
    """The words of a command: a JSON list as it stands, all else as text for a shell."""
    if arguments.value.lstrip().startswith("["):
        for document in documents.parse(arguments).read[:1]:
            nodes = documents.items(document.node)
            return tuple(document.traced(node, "") for node in nodes if hasattr(node, "style"))
    text = arguments.part(0, len(arguments.value.rstrip()))
    return (*(Traced(word, [text.token[0]] * len(word), text.token) for word in ("/bin/sh", "-c")), text)


def _variables(arguments: Traced, known: dict[str, Traced]) -> dict[str, Traced]:
    found: dict[str, Traced] = {}
    for match in PAIR.finditer(arguments.value):
        # A word of Docker's is read much as one of the shell's.
        words = [word for words in script(arguments.part(*match.span(2)), known).commands for word in words]
        found[match.group(1)] = words[0] if len(words) == 1 else arguments.part(*match.span(2)).unknown()
    if not found and len(pair := arguments.value.split(maxsplit=1)) == 2:
        at = arguments.value.index(pair[1], len(pair[0]))
        found[pair[0]] = arguments.part(at, len(arguments.value.rstrip()))
    return found


def _after_options(arguments: Traced) -> int:
    match = OPTIONS.match(arguments.value)
    return match.end() if match else 0
