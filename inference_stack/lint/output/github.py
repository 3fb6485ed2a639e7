"""Findings as annotations of GitHub: its workflow commands, one a line."""

from collections.abc import Iterator

from inference_stack.lint.linting import Found, Linted
from inference_stack.report.findings import advice
from inference_stack.spec import Severity

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def annotations(linted: Linted) -> str:
    """The lines that GitHub Actions makes annotations of."""
    return "\n".join(_annotations(linted))


def _annotations(linted: Linted) -> Iterator[str]:
    for found in linted.found:
        properties = {"file": found.source.name, **_place(found), "title": found.finding.code}
        told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
        yield f"::{COMMANDS[found.finding.severity]} {told}::{_data(message(found))}"


def message(found: Found) -> str:
    """What is told of a finding, over one or more lines."""
    finding = found.finding
    head = finding.path + ("" if finding.given is None else f" = {finding.given}")
    return "\n".join(part for part in (head, finding.what, *advice(finding)) if part)


def _place(found: Found) -> dict[str, int]:
    if found.place is None:
        return {}
    line, column, length = found.place
    return {"line": line, "col": column, "endColumn": column + length}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
