"""Findings for people: the line, a caret under what is meant, what is wrong and what to do."""

import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from inference_stack.lint.linting import Found, Linted
from inference_stack.report.findings import advice
from inference_stack.spec import Severity

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
WIDTH = 100
"""Columns of a line of a file that are shown."""
BEFORE = 40
"""Columns shown before the token where the line is longer."""


def show(linted: Linted) -> None:
    """Print what was found. Where nobody looks, each line stays one line."""
    console = Console(highlight=False, soft_wrap=True)
    for part in _parts(linted):
        console.print(part)


def text(linted: Linted) -> str:
    """The same as plain text."""
    console = Console(file=io.StringIO(), highlight=False, soft_wrap=True, color_system=None)
    with console.capture() as captured:
        for part in _parts(linted):
            console.print(part)
    return captured.get()


def _parts(linted: Linted) -> Iterator[Text]:
    for found in linted.found:
        yield _told(found)
        yield Text()
    yield _summary(linted)


def _told(found: Found) -> Text:
    finding, style = found.finding, STYLES[found.finding.severity]
    place = "" if found.place is None else f":{found.place.line}:{found.place.column}"
    told = Text.assemble(
        (f"{found.source.name}{place}", "bold"), ": ", (finding.severity.value, style), f" {finding.code}"
    )
    if found.place is not None:
        told.append_text(_pointed(found, style))
    given = "" if finding.given is None else f" = {finding.given}"
    for part in (f"{finding.path}{given}".strip(), finding.what, *advice(finding)):
        if part:
            told.append(f"\n  {part}")
    if finding.reference is not None:
        told.append(f"\n  says: {finding.reference}", "dim")
    return told


def _pointed(found: Found, style: str) -> Text:
    """The line of the file, and a caret under the token."""
    assert found.place is not None  # noqa: S101 - for the type
    line, column, length = found.place
    whole = _shown(found.source.line(line))
    start = 0 if column + length <= WIDTH else max(0, column - 1 - BEFORE)
    cut = ("…" if start else "") + whole[start : start + WIDTH]
    margin = f"{line}"
    shift = column - 1 - start + bool(start)
    marks = "^" * max(1, min(length, len(cut) - shift))
    return Text.assemble(
        (f"\n{margin} | ", "dim"),
        cut + ("…" if len(whole) > start + WIDTH else ""),
        (f"\n{' ' * len(margin)} | ", "dim"),
        " " * shift,
        (marks, style),
    )


def _shown(line: str) -> str:
    """A line in which every character takes one column: tabs and what no terminal shows are blanks."""
    return "".join(character if character.isprintable() else " " for character in line)


def _summary(linted: Linted) -> Text:
    read = f"{linted.files} file{'s' * (linted.files != 1)} read"
    if not linted.found:
        return Text(f"{read}: nothing found", "green")
    counts = [(severity, linted.count(severity)) for severity in Severity]
    told = ", ".join(f"{count} {severity.value}{'s' * (count != 1)}" for severity, count in counts if count)
    among = len({found.source.name for found in linted.found})
    return Text(f"{read}: {told} in {among} file{'s' * (among != 1)}", "bold")
