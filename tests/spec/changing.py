"""Environments said by what is different from a small sound one: a path as findings name it, and a value."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

PART = re.compile(r'\["(.*?)"\]|\[(\d+)\]|([\w-]+)')


def changed(
    asked: Mapping[str, Any], changes: Mapping[str, Any] | None = None, without: Iterable[str] = ()
) -> dict[str, Any]:
    """The environment with these values at these paths, and without those keys; lists grow by their end."""
    made = copy.deepcopy(dict(asked))
    for path, value in (changes or {}).items():
        *above, last = _parts(path)
        _put(_at(made, above), last, copy.deepcopy(value))
    for path in without:
        *above, last = _parts(path)
        del _at(made, above)[last]
    return made


def _parts(path: str) -> list[str | int]:
    return [int(index) if index else quoted or key for quoted, index, key in PART.findall(path)]


def _at(made: Any, parts: list[str | int]) -> Any:
    for part in parts:
        made = made.setdefault(part, {}) if isinstance(made, dict) else made[part]
    return made


def _put(made: Any, part: str | int, value: object) -> None:
    if part == len(made):
        made.append(value)
    else:
        made[part] = value
