"""Hold a document against a committed schema, and say of each fault where it is and what is allowed there."""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inference_stack.spec import Finding

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema import Draft202012Validator, ValidationError

FOLDER = Path(__file__).parent / "schemas"
LISTED = 12
"""Names that an error lists at most; of more it gives the one that is near to what was written."""

BOUND_SIGNS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
LENGTHS = {"minLength", "maxLength", "minItems", "maxItems"}


def read(name: str) -> dict[str, Any]:
    """A file of the folder of schemas."""
    return json.loads((FOLDER / f"{name}.json").read_text())


@cache
def _validator(name: str, root: str) -> "Draft202012Validator":
    # It takes as long to import as the rest of the room, and a plan holds no document against a schema.
    from jsonschema import Draft202012Validator

    return Draft202012Validator({"$ref": f"#/$defs/{root}", **read(name)})


@cache
def _fast_validator(name: str, root: str) -> "jsonschema_rs.Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator({"$ref": f"#/$defs/{root}", **read(name)})


def _accepts(document: Any, schema: str, root: str) -> bool:
    """Whether nothing is refused: said in a hundredth of the time that it takes to say what is."""
    try:
        return _fast_validator(schema, root).is_valid(document)
    except ValueError:
        # It holds something that JSON has not: a date, a key that is a number.
        return False


def schema_findings(document: Any, schema: str, root: str, *, whose: str, path: str = "") -> list[Finding]:
    """Everything in `document` that the definition `root` of a schema refuses, ordered by path.

    `whose` names the software that is asked, for the reader; `path` is where the document itself lies.
    """
    if _accepts(document, schema, root):
        return []
    validator = _validator(schema, root)
    # jsonschema leaves the type of its iterator open.
    errors = cast("Iterable[ValidationError]", validator.iter_errors(document))  # pyright: ignore[reportUnknownMemberType]
    leaves = sorted(
        (leaf for error in errors for leaf in _leaves(error)), key=lambda leaf: str(leaf.json_path)
    )
    return [finding for leaf in leaves for finding in _findings(leaf, whose, path)]


def joined(path: str, *steps: str | int) -> str:
    """A path one or more steps further in: `a.b[0].c`."""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def near(written: object, known: Iterable[str]) -> str:
    """What stood to choose from: the name that `written` was probably meant to be, or all of a few."""
    return _near(str(written), tuple(sorted(known)))


@lru_cache(maxsize=1000)
def _near(written: str, names: tuple[str, ...]) -> str:
    if close := get_close_matches(written, names, n=1):
        return f"did you mean {close[0]}?"
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{len(names)} names, none of them close to this one"


def _leaves(error: "ValidationError") -> "list[ValidationError]":
    """The faults behind a fault: of several alternatives, those of the one that was probably meant."""
    if error.validator != "anyOf" or not error.context:
        return [error]
    branches: dict[int, list[ValidationError]] = {}
    for cause in error.context:
        branches.setdefault(int(cause.schema_path[0]), []).append(cause)
    meant = [
        found for found in branches.values() if not any(_of_another_kind(cause, error) for cause in found)
    ]
    if len(meant) != 1:
        return [error]
    return [leaf for cause in meant[0] for leaf in _leaves(cause)]


def _of_another_kind(cause: "ValidationError", error: "ValidationError") -> bool:
    at_the_root = cause.absolute_path == error.absolute_path
    return at_the_root and cause.validator in {"type", "enum"}


def _findings(error: "ValidationError", whose: str, path: str) -> list[Finding]:
    where = joined(path, *cast("Iterable[str | int]", error.absolute_path))
    schema = cast("dict[str, Any]", error.schema)
    match error.validator:
        case "additionalProperties":
            known = cast("dict[str, Any]", schema.get("properties", {}))
            given = cast("dict[str, Any]", error.instance)
            return [
                Finding(
                    code="unknown-key",
                    path=joined(where, key),
                    given=_shown(value),
                    what=f"{whose} does not know this key",
                    allowed=near(key, known),
                )
                for key, value in given.items()
                if key not in known
            ]
        case "required":
            present = cast("dict[str, Any]", error.instance)
            return [
                Finding(code="missing-key", path=joined(where, key), what=f"{whose} needs this key")
                for key in schema["required"]
                if key not in present
            ]
        case _:
            what, allowed = _refusal(error, schema, whose)
            code = "wrong-type" if error.validator in {"type", "anyOf"} else "value-not-allowed"
            return [Finding(code=code, path=where, given=_shown(error.instance), what=what, allowed=allowed)]


def _refusal(error: "ValidationError", schema: Mapping[str, Any], whose: str) -> tuple[str, str]:
    rule, limit = str(error.validator), error.validator_value
    if rule in BOUND_SIGNS:
        return f"{whose} refuses this number", f"{BOUND_SIGNS[rule]} {limit}"
    if rule in LENGTHS:
        return f"{whose} refuses this length", f"{rule} {limit}"
    if rule in {"enum", "const"}:
        values = cast("list[object]", limit if isinstance(limit, list) else [limit])
        named = [str(value) for value in values if value is not None]
        # Of a few values, the nearest in spelling says little: 500 is no misspelt 503.
        allowed = ", ".join(named) if len(named) <= LISTED else near(str(error.instance), named)
        return f"{whose} does not know this value", allowed
    if rule == "pattern":
        return f"{whose} cannot read this value", f"what matches {limit}"
    return f"{whose} expects another type", " or ".join(_types(schema))


def _types(schema: Mapping[str, Any]) -> list[str]:
    if alternatives := cast("list[dict[str, Any]]", schema.get("anyOf", [])):
        return [name for alternative in alternatives for name in _types(alternative)]
    declared = schema.get("type", "object")
    return cast("list[str]", declared) if isinstance(declared, list) else [str(declared)]


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, default=str, ensure_ascii=False, skipkeys=True)
    except ValueError:
        return "what holds itself"
    return text if len(text) <= 80 else f"{text[:77]}…"
