"""The check before anything happens: names and types of arguments, and what azure-native fills in."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from localcloud.arm.kinds import PACKAGE, Kind
from localcloud.arm.sdk import ObjectShape, ResourceShape, Shape
from localcloud.arm.wire import UNKNOWN, Properties

RANDOMLY_NAMED = "__createBeforeDelete"
"""Marks inputs whose name is random: such a resource can be replaced before its predecessor is deleted."""

_SUFFIX_DIGITS = 8
_LOCATION_HINT = f". Set it, or configure it: pulumi config set {PACKAGE}:location <value>"


class Failure(NamedTuple):
    """One argument that will not do."""

    path: str
    reason: str


class Naming(NamedTuple):
    """What an unnamed resource is to be called."""

    logical_name: str
    seed: bytes
    proposed: str | None = None
    """The engine's own autonaming configuration proposes this name …"""
    enforced: bool = False
    """… and insists on it."""
    disabled: bool = False
    """The engine's configuration wants explicit names only."""


def with_defaults(
    kind: Kind,
    shape: ResourceShape,
    old: Properties,
    new: Properties,
    naming: Naming,
    location: Callable[[Properties], str | None],
) -> Properties:
    """The new inputs with name, location and API version filled in where the program gave none."""
    inputs = dict(new)
    if kind.name_parameter not in inputs:
        name, random = _name(kind, old, naming)
        if name is not None:
            inputs[kind.name_parameter] = name
        if random:
            inputs[RANDOMLY_NAMED] = True
    if "location" in shape.inputs and "location" not in inputs:
        found = old.get("location") or location(inputs)
        if found is not None:
            inputs["location"] = found
    inputs.setdefault("azureApiVersion", kind.api)
    return inputs


def _name(kind: Kind, old: Properties, naming: Naming) -> tuple[str | None, bool]:
    if kind.name_parameter in old:
        return old[kind.name_parameter], old.get(RANDOMLY_NAMED) is True
    if naming.disabled:
        return None, False
    if naming.proposed is not None and (naming.enforced or kind.autoname != "uuid"):
        return naming.proposed, True
    digits = hashlib.sha256(naming.seed + kind.token.encode() + naming.logical_name.encode()).hexdigest()
    match kind.autoname:
        case "uuid":
            return str(uuid.UUID(digits[:32])), True
        case "random":
            return naming.logical_name + digits[:_SUFFIX_DIGITS], True
    return naming.logical_name, False


def failures(shape: ResourceShape, inputs: Properties) -> list[Failure]:
    """Everything wrong with the inputs against the SDK's types, all at once. Unknown values pass."""
    given = {
        name: value
        for name, value in inputs.items()
        if not name.startswith("__") and name != "azureApiVersion"
    }
    return list(_object(shape.inputs, shape, given, ""))


def _object(declared: ObjectShape, shape: ResourceShape, value: Properties, path: str) -> Iterator[Failure]:
    for name, expected in declared.items():
        if expected.required and name not in value:
            hint = _LOCATION_HINT if f"{path}{name}" == "location" else ""
            yield Failure(f"{path}{name}", f"missing required property '{path}{name}'{hint}")
    for name, item in value.items():
        if name in declared:
            yield from _value(declared[name].shape, shape, item, f"{path}{name}")
        else:
            yield Failure(
                f"{path}{name}", f"'{path}{name}' is no property here; allowed: {', '.join(sorted(declared))}"
            )


def _value(expected: Shape, shape: ResourceShape, value: Any, path: str) -> Iterator[Failure]:
    if value == UNKNOWN or expected.scalar == "any":
        return
    if expected.objects:
        if not isinstance(value, dict):
            yield _wrong(path, "an object", value)
            return
        tries = [list(_object(shape.objects[name], shape, value, f"{path}.")) for name in expected.objects]
        yield from min(tries, key=len)
    elif expected.items is not None:
        if not isinstance(value, list):
            yield _wrong(path, "a list", value)
            return
        for index, item in enumerate(value):
            yield from _value(expected.items, shape, item, f"{path}[{index}]")
    elif expected.values is not None:
        if not isinstance(value, dict):
            yield _wrong(path, "a map", value)
            return
        for key, item in value.items():
            yield from _value(expected.values, shape, item, f"{path}.{key}")
    else:
        yield from _scalar(expected, value, path)


_TYPES: dict[str | None, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def _scalar(expected: Shape, value: Any, path: str) -> Iterator[Failure]:
    right = isinstance(value, _TYPES[expected.scalar]) and isinstance(value, bool) == (
        expected.scalar == "boolean"
    )
    if not right:
        article = "an" if expected.scalar == "integer" else "a"
        yield _wrong(path, f"{article} {expected.scalar}", value)
    elif expected.enum and value.casefold() not in {allowed.casefold() for allowed in expected.enum}:
        yield Failure(path, f"'{path}' is '{value}'; allowed: {', '.join(expected.enum)}")


def _wrong(path: str, wanted: str, value: Any) -> Failure:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return Failure(path, f"'{path}' should be {wanted} but is {names[type(value)]}")
