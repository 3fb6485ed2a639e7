"""Findings for people: by severity, those with the same code together."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from inference_stack.spec import Finding, Severity

ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def by_severity(findings: Iterable[Finding]) -> Iterator[tuple[Severity, list[tuple[str, list[Finding]]]]]:
    """The gravest first, then by code; findings of a code in the order of the file."""
    ranked = sorted(findings, key=lambda found: (ORDER.index(found.severity), found.code))
    for severity, grave in groupby(ranked, key=lambda found: found.severity):
        yield severity, [(code, list(alike)) for code, alike in groupby(grave, key=lambda found: found.code)]


def place_of(found: Finding) -> str:
    """Where, with the line of the file and what stands there."""
    line = "" if found.line is None else f" (line {found.line})"
    return found.path + line + ("" if found.given is None else f" = {found.given}")


def advice(found: Finding) -> tuple[str, ...]:
    """What would be accepted, and what to do."""
    told = (("allowed", found.allowed), ("do", found.remedy))
    return tuple(f"{name}: {what}" for name, what in told if what is not None)
