"""Findings as SARIF 2.1.0 (OASIS), which code hosts and editors read."""

import json
from importlib.metadata import version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from inference_stack.lint.linting import Found, Linted
from inference_stack.spec import Severity

from .github import message

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_sarif(linted: Linted) -> str:
    """One run, with a rule for each code that was found."""
    codes = sorted({found.finding.code for found in linted.found})
    driver = {
        "name": "inference-stack",
        "version": version("inference-stack"),
        "rules": [{"id": code} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, codes) for found in linted.found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(found: Found, codes: list[str]) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": _physical(found)}
    if found.finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": found.finding.path}]
    return {
        "ruleId": found.finding.code,
        "ruleIndex": codes.index(found.finding.code),
        "level": LEVELS[found.finding.severity],
        "message": {"text": message(found)},
        "locations": [location],
    }


def _physical(found: Found) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(found.source.name)}}
    if found.place is not None:
        line, column, length = found.place
        place["region"] = {"startLine": line, "startColumn": column, "endColumn": column + length}
    return place


def _uri(name: str) -> str:
    path = PurePath(name)
    return ("file://" if path.is_absolute() else "") + quote(path.as_posix())
