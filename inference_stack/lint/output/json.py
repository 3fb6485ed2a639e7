"""Findings as JSON."""

import json
from typing import Any

from inference_stack.lint.linting import Found, Linted


def as_json(linted: Linted) -> str:
    """A list with an object for each finding: file, line, column and length, and what is told of it."""
    return json.dumps([_object(found) for found in linted.found], indent=2, ensure_ascii=False)


def _object(found: Found) -> dict[str, Any]:
    line, column, length = found.place or (None, None, None)
    place = {"file": found.source.name, "line": line, "column": column, "length": length}
    return place | found.finding.model_dump(mode="json", exclude={"line"})
