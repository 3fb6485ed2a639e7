"""Says in our own form what pydantic found wrong, with what the field's own schema allows."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .finding import Finding
from .schema import Node, allowed, key_path

CODES = {
    "extra_forbidden": "unknown-key",
    "missing": "missing-key",
    "enum": "not-an-option",
    "literal_error": "not-an-option",
    "greater_than": "out-of-range",
    "greater_than_equal": "out-of-range",
    "less_than": "out-of-range",
    "less_than_equal": "out-of-range",
    "string_too_short": "out-of-range",
    "string_too_long": "out-of-range",
    "too_short": "out-of-range",
    "string_pattern_mismatch": "wrong-form",
    "value_error": "wrong-form",
    "date_from_datetime_parsing": "wrong-form",
    "date_from_datetime_inexact": "wrong-form",
    "date_parsing": "wrong-form",
}
"""Our stable code for a kind of pydantic error; every other kind is a value of the wrong type."""

WHAT = {
    "not-an-option": "is none of the options",
    "out-of-range": "is out of range",
    "wrong-form": "does not have the form that is wanted here",
}


Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """A place that could not be read, in keys and indices that the user wrote."""

    path: Path
    finding: Finding | None
    """What is wrong there; None where the fault is a misspelt key, told at the key that was written."""


def faults(error: ValidationError, section: type[BaseModel], given: object) -> tuple[Fault, ...]:
    """Each place that a validation could not read, once, in the user's own spelling."""
    root = Node.of(section)
    told: dict[Path, Finding | None] = {}
    meant: set[Path] = set()
    for details in error.errors(include_url=False):
        place = _place(details["loc"], root, given)
        if place is None:
            continue
        told.setdefault(place.path, _finding(details, place))
        if details["type"] == "extra_forbidden" and (key := place.meant):
            meant.add((*place.path[:-1], key))
    told.update((path, None) for path in meant if path not in told or _is_missing(told[path]))
    # pydantic does not count items with errors, and then calls their list too short.
    echoes = {path[:length] for path in told for length in range(len(path))}
    return tuple(Fault(path, finding) for path, finding in told.items() if path not in echoes)


def validation_findings(
    error: ValidationError, section: type[BaseModel], given: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """The findings of a failed validation of `given` as `section`; paths count from `section`."""
    return tuple(fault.finding for fault in faults(error, section, given) if fault.finding)


def _is_missing(finding: Finding | None) -> bool:
    return finding is not None and finding.code == "missing-key"


def shown(value: object, limit: int = 60) -> str:
    """A value as its user wrote it, cut short: nothing long is repeated in an error or a log."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class _Place(NamedTuple):
    path: Path
    node: Node
    parent: Node
    value: Any
    beside: Any

    @property
    def meant(self) -> str | None:
        """The key that an unknown one comes nearest to, of those that are not there beside it."""
        free = [key for key in self.parent.keys if key not in self.beside]
        return next(iter(get_close_matches(str(self.path[-1]), free, n=1)), None)


def _place(location: Sequence[str | int], root: Node, given: object) -> _Place | None:
    """Follow pydantic's location, which names union members among the keys; None for a member not meant."""
    path: list[str | int] = []
    node = parent = root
    value: Any = given
    beside: Any = given
    for part in location:
        if node.is_union:
            chosen = _meant(node, value)
            if chosen is None:
                break
            if not _names(part, chosen):
                return None
            node = chosen
            continue
        if part == "[key]":
            break
        path.append(part)
        parent, node = node, node.child(part)
        beside, value = value, _below(value, part)
    return _Place(tuple(path), node, parent, value, beside)


def _meant(node: Node, value: object) -> Node | None:
    """The alternative of a union that a value with parts is meant to be; None for a value without."""
    if isinstance(value, Mapping):
        return node.section
    return node.sequence if isinstance(value, list) else None


def _names(part: str | int, chosen: Node) -> bool:
    """Whether a part of pydantic's location names that alternative; it calls a list tuple[Item, ...]."""
    return part == chosen.name if chosen.name else str(part).startswith("tuple[")


def _below(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return cast("Mapping[str | int, object]", value).get(part)
    if isinstance(value, list) and isinstance(part, int):
        return cast("list[object]", value)[part]
    return None


def _finding(details: ErrorDetails, place: _Place) -> Finding:
    code = CODES.get(details["type"], "wrong-type")
    path = key_path(place.path) or "environment"
    if code == "missing-key":
        what = "is required and is not there"
        return Finding(code=code, path=path, what=what, allowed=allowed(place.node))
    if code == "unknown-key":
        return Finding(
            code=code,
            path=path,
            given=shown(place.value),
            what="is a key that does not exist here",
            allowed="keys " + ", ".join(place.parent.keys),
            remedy=f"write {place.meant}, if that is what is meant" if place.meant else None,
        )
    if code == "wrong-type":
        return _wrong_type(path, place)
    reason = details.get("ctx", {}).get("error")
    what = WHAT[code] + (f": {shown(str(reason))}" if reason else "")
    return Finding(code=code, path=path, given=shown(place.value), what=what, allowed=allowed(place.node))


def _wrong_type(path: str, place: _Place) -> Finding:
    value = place.value
    unquoted = place.node.wants_text and isinstance(value, int | float)
    return Finding(
        code="wrong-type",
        path=path,
        given=f'"{shown(value)}"' if isinstance(value, str) else shown(value),
        what=f"is {_kind(value)}, which does not go here",
        allowed=allowed(place.node),
        remedy=f'write it in quotes: "{shown(value)}"' if unquoted else None,
    )


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a group of keys" if isinstance(value, Mapping) else "a list"
