"""Lints files: reads each for what it is, and judges what is in it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from inference_stack.engine import versions
from inference_stack.spec import Finding, Severity

from . import documents, files, shell, template
from .commands import command_spots
from .dockerfile import dockerfile_spots
from .documents import Documents
from .files import Form
from .kinds import document_spots, is_known
from .source import Place, Source, Spot, Traced, whole


@dataclass(frozen=True)
class Found:
    """A finding in a file."""

    source: Source
    finding: Finding
    place: Place | None
    """None where it is about the whole file."""


@dataclass(frozen=True)
class Linted:
    """What was found, in the order of files and lines."""

    found: tuple[Found, ...]
    files: int
    """Files that were read, or should have been."""

    def count(self, severity: Severity) -> int:
        """How many findings of a severity there are."""
        return sum(each.finding.severity is severity for each in self.found)


def lint(
    paths: Iterable[str], version: str = versions.VLLM, told: Callable[[str], object] = lambda _: None
) -> Linted:
    """Lint files, and folders with all that is in them; `-` is the standard input.

    `told` hears of each file before it is read.
    """
    found: list[Found] = []
    count = 0
    for name, named in files.walked(paths):
        told(name)
        found += lint_file(name, version, named=named)
        count += 1
    return Linted(tuple(found), count)


def lint_file(name: str, version: str, *, named: bool = True) -> list[Found]:
    """What is wrong with a file. `named`: whether somebody asked for this one, and not for its folder."""
    source = files.read(name)
    if isinstance(source, Finding):
        return [Found(Source(name, ""), source, None)]
    return lint_source(source, version, named=named)


def lint_source(source: Source, version: str, *, named: bool = True) -> list[Found]:
    """What is wrong with a text that was read."""
    reader = _Reader(source.name, version)
    spots = dict.fromkeys(reader.spots(whole(source), files.form(source)))
    placed = ((spot.finding, source.place(spot.start, spot.end)) for spot in spots)
    found = [Found(source, finding.model_copy(update={"line": at.line}), at) for finding, at in placed]
    if named and not reader.knows:
        found.append(Found(source, _nothing_read(), None))
    return sorted(found, key=lambda each: each.place or Place(0, 0, 0))


@dataclass
class _Reader:
    name: str
    version: str
    knows: bool = False
    """Whether there was anything to judge."""

    def spots(self, text: Traced, form: Form | None) -> Iterator[Spot]:
        match form:
            case "yaml" | "json":
                yield from self._documents(text, form)
            case "shell":
                self.knows = True
                script = shell.script(text)
                for words in script.commands:
                    yield from command_spots(words, self.version, in_script=True)
                for body in script.heredocs:
                    yield from self._within(body, "")
            case "dockerfile":
                self.knows = True
                yield from dockerfile_spots(text, self.version, self._within)
            case None:
                return

    def _documents(self, text: Traced, form: Form) -> Iterator[Spot]:
        read, faults = _parsed(text, form)
        self.knows = self.knows or bool(faults)
        yield from faults
        templated = template.is_template(text.value)
        for document in read:
            self.knows = self.knows or is_known(document.data)
            for spot in document_spots(document, self.name, self.version, self._within):
                unsure = templated and template.is_open(spot.finding)
                if not (unsure or template.is_substituted(spot.finding)):
                    yield spot

    def _within(self, text: Traced, name: str) -> Iterator[Spot]:
        """What is wrong with a text inside of another, such as a file in a ConfigMap."""
        if files.HINT.search(text.value.encode()) is None:
            return
        by_name = files.form_by_name(name)
        form = by_name or files.form_of(text.value)
        if by_name is None and form in {"yaml", "json"} and _parsed(text, form).faults:
            # Its form was a guess.
            return
        yield from self.spots(text, form)


def _parsed(text: Traced, form: Form) -> Documents:
    if template.is_template(text.value):
        return template.parse(text)
    if form == "json" and text.value.lstrip().startswith(("{", "[")):
        return documents.parse_json(text)
    return documents.parse(text)


def _nothing_read() -> Finding:
    return Finding(
        code="nothing-read",
        severity=Severity.NOTE,
        path="",
        what="there is nothing in it that a linter of engines knows",
        allowed="manifests, Serve configurations, models of Ray Serve LLM, command lines, environments",
    )
