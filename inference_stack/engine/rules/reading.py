"""The value of an argument as vLLM will have it: given or by default, and coerced as pydantic coerces."""

import math
from collections.abc import Mapping
from typing import Any, cast

from .rule import EngineUse

TRUE = frozenset(("1", "on", "t", "true", "y", "yes"))
FALSE = frozenset(("0", "off", "f", "false", "n", "no"))


def as_flag(value: object) -> bool | None:
    """A boolean, as pydantic reads it where it is not strict; None where it refuses."""
    if isinstance(value, str):
        lower = value.lower()
        return True if lower in TRUE else False if lower in FALSE else None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    return None


def as_number(value: object) -> float | None:
    """A number, as pydantic reads it where it is not strict; None where it refuses."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    try:
        return float(value) if isinstance(value, bool | int | float) else None
    except OverflowError:
        # A whole number that no float can be.
        return math.inf if cast("int", value) > 0 else -math.inf


def as_integer(value: object) -> int | None:
    """A whole number, as pydantic reads it where it is not strict; None where it refuses."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, str) and not value.strip().lstrip("+-").replace("_", "").rstrip("0").rstrip("."):
        value = value.strip()
    found = as_number(value)
    if found is None or not math.isfinite(found) or not found.is_integer():
        return None
    return None if isinstance(value, str) and "e" in value.lower() else int(found)


def given(use: EngineUse, name: str) -> Any:
    """What stands there; the default where nothing or null does. None for a name that vLLM does not know."""
    value = use.arguments.get(name)
    if value is None and name in use.version.engine:
        return use.version.engine[name].default
    return value


def integer(use: EngineUse, name: str) -> int | None:
    """A whole number; None where it has none, or one that is refused for its type."""
    return as_integer(given(use, name))


def number(use: EngineUse, name: str) -> float | None:
    """A number; None where it has none, or one that is refused for its type."""
    return as_number(given(use, name))


def flag(use: EngineUse, name: str) -> bool | None:
    """A boolean; None where the engine decides, or where it is refused for its type."""
    return as_flag(given(use, name))


def text(use: EngineUse, name: str) -> str | None:
    """A string; None where it has none, or something else."""
    value = given(use, name)
    return value if isinstance(value, str) else None


def settings(use: EngineUse, name: str) -> Mapping[str, Any]:
    """An object; empty where there is none, or something else."""
    value = given(use, name)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def is_given(use: EngineUse, name: str) -> bool:
    """Whether somebody set it to anything but null."""
    return use.arguments.get(name) is not None
