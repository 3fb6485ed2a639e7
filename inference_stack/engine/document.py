"""Reading documents that may be anything: what is not there, or is of another kind, reads as nothing."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, cast

import yaml

from inference_stack.spec.libyaml import LOADER

QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)")
TEXT = frozenset((str,))
SUFFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3} | {
    suffix: 1024.0**power if suffix.endswith("i") else 1000.0**power
    for suffixes in (("k", "M", "G", "T", "P", "E"), ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
    for power, suffix in enumerate(suffixes, start=1)
}


@lru_cache(maxsize=4)
def loaded(text: str) -> object:
    """A text of YAML as read, not to be changed. Raises ValueError, saying why, for one that is none."""
    try:
        return yaml.load(text, LOADER)  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # A date that is none, a character that YAML does not have; `!!int` before nothing.
        raise ValueError(f"not YAML: {error}") from None


def at(document: object, *steps: str | int) -> Any:
    """What lies there; None where nothing does."""
    for step in steps:
        if isinstance(step, str) and isinstance(document, (dict, Mapping)):
            document = cast("Mapping[str, object]", document).get(step)
        elif isinstance(step, int) and isinstance(document, list):
            entries = cast("list[object]", document)
            document = entries[step] if step < len(entries) else None
        else:
            return None
    return document


def mapping(document: object, *steps: str | int) -> Mapping[str, Any]:
    """The mapping that lies there, without keys that are no text; an empty one where none does."""
    found = at(document, *steps)
    # A dict is asked for first, and types are compared at once: rules come here a hundred times a manifest.
    if not isinstance(found, (dict, Mapping)):
        return {}
    found = cast("Mapping[object, Any]", found)
    if TEXT.issuperset(map(type, found)):
        return cast("Mapping[str, Any]", found)
    return {key: value for key, value in found.items() if isinstance(key, str)}


def mappings(document: object, *steps: str | int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list that lies there, each with its place in it."""
    found = at(document, *steps)
    for index, entry in enumerate(cast("list[object]", found) if isinstance(found, list) else ()):
        if isinstance(entry, Mapping):
            yield index, mapping(cast("Mapping[str, Any]", entry))


def number(value: object) -> float | None:
    """A number that can be reckoned with; None for anything else, also for true and for infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def quantity(value: object) -> float | None:
    """A quantity of Kubernetes, as number or text: 500m, 48Gi. None for anything else."""
    if not isinstance(value, str):
        return number(value)
    match = QUANTITY.fullmatch(value.strip())
    if match is None:
        return None
    digits, exponent, suffix = match.groups()
    return number(float(digits + (exponent or "")) * SUFFIXES.get(suffix, 1.0))
