"""Arguments of vLLM by the types that its classes declare: what may stand in JSON, within which bounds."""

import dataclasses
import enum
import json
import pathlib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from inference_stack.engine.arguments import Argument, Kind

KINDS: Mapping[object, Kind] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    pathlib.Path: "string",
    list: "array",
    tuple: "array",
    set: "array",
    frozenset: "array",
    Sequence: "array",
    dict: "object",
    Mapping: "object",
    types.NoneType: "null",
}
ALL: tuple[Kind, ...] = ("boolean", "integer", "number", "string", "array", "object", "null")
BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "above", "lt": "below"}
MADE_BY_VLLM = frozenset(("ModelConfig", "ParallelConfig"))
"""Classes that vLLM puts into another by itself; nobody writes them as an object."""
WRITTEN = ("vllm.config", "vllm.entrypoints")
"""Modules whose data classes users write as objects."""
OF_THE_MACHINE = frozenset(("kv_buffer_device",))
"""Fields whose default is what the machine at hand has."""
DEPTH = 3
"""Levels of objects within objects that are read; vLLM's configuration has two."""


@dataclass
class Declared:
    """A type, as JSON sees it."""

    kinds: set[Kind]
    values: list[Any]
    open: bool
    """Whether others than the values may stand there."""
    enums: list[type[enum.Enum]]
    classes: list[type]
    """Configuration classes: what an object may hold."""
    bounds: dict[str, float]
    items: "Declared | None" = None


def declared(hint: Any) -> Declared:
    """What a type hint lets stand in JSON; Python classes and callables are left out."""
    found = Declared(set(), [], False, [], [], {})
    for one in alternatives(hint, found.bounds):
        origin = get_origin(one) or one
        if origin is Literal:
            found.values += [value for value in get_args(one) if value is not None]
            found.kinds |= {KINDS[type(value)] for value in get_args(one)}
        elif isinstance(origin, type) and issubclass(origin, enum.Enum):
            found.enums.append(origin)
        elif dataclasses.is_dataclass(origin):
            # Other data classes are vLLM's own inside: where one may be given, it is by name.
            written = origin.__module__.startswith(WRITTEN)
            found.kinds.add("object" if written else "string")
            found.classes += [typing.cast("type", origin)] if written else []
            found.open |= not written
        elif origin is Any or origin is object:
            found.kinds |= set(ALL)
            found.open = True
        elif kind := KINDS.get(origin):
            found.kinds.add(kind)
            # A value of this kind may be any; null stands beside everything.
            found.open |= kind != "null"
            if kind == "array" and get_args(one):
                found.items = declared(get_args(one)[0])
        elif getattr(origin, "__module__", "") == "torch":
            found.kinds.add("string")
            found.open = True
    return found


def alternatives(hint: Any, bounds: dict[str, float]) -> Iterator[Any]:
    """The members of a union, however deep; their bounds go into `bounds`."""
    origin = get_origin(hint)
    if origin is Annotated:
        read_bounds(hint.__metadata__, bounds)
        yield from alternatives(get_args(hint)[0], bounds)
    elif origin in (Union, types.UnionType):
        for one in get_args(hint):
            yield from alternatives(one, bounds)
    elif isinstance(hint, dataclasses.InitVar):
        yield from alternatives(hint.type, bounds)
    else:
        yield hint


def read_bounds(metadata: Iterable[Any], bounds: dict[str, float]) -> None:
    """Bounds as annotated-types and pydantic write them."""
    for one in metadata:
        read_bounds(getattr(one, "metadata", ()), bounds)
        for theirs, ours in BOUNDS.items():
            if getattr(one, theirs, None) is not None:
                bounds[ours] = getattr(one, theirs)


def argument(name: str, group: str, hint: Any, default: Any, place: tuple[type, str] | None) -> Argument:
    """One argument by its type; `place` is the field of the configuration class that holds it to more."""
    found = declared(hint)
    if place:
        narrow(found, *place)
    written: dict[str, Any] = {**found.bounds}
    values = [*found.values]
    for each in found.enums:
        names, any_case = enum_values(each, place)
        values += names
        found.kinds |= {KINDS[type(value)] for value in names}
        written["any_case"] = any_case
    if values:
        written["known" if found.open else "values"] = _unique(values)
    if found.items:
        written["items"] = _unique(found.items.values) if not found.items.open else ()
        written["item_kinds"] = _in_order(found.items.kinds)
    fields: dict[str, Argument] = {}
    for each in found.classes:
        fields |= nested(each) if each.__name__ not in MADE_BY_VLLM else {}
    return Argument.model_validate(
        {
            "name": name,
            "group": group,
            "kinds": _in_order(found.kinds),
            "default": as_json(default),
            "fields": fields,
            "coerced": bool(place and coerced(*place)),
            **written,
        }
    )


def narrow(found: Declared, cls: type, field: str) -> None:
    """Hold a type to what the configuration class says of it: its bounds, its values where ours are open."""
    info = _model_fields(cls).get(field)
    hint = type_hints(cls).get(field)
    if hint is None:
        return
    theirs = declared(hint)
    found.bounds |= theirs.bounds
    read_bounds(getattr(info, "metadata", ()), found.bounds)
    if theirs.values and not found.values:
        found.values, found.open = theirs.values, theirs.open
    if theirs.classes and not found.classes:
        found.classes = theirs.classes
    if theirs.items and found.items is None:
        found.items = theirs.items


def _model_fields(cls: type) -> Mapping[str, Any]:
    return getattr(cls, "__pydantic_fields__", {})


def type_hints(cls: type) -> Mapping[str, Any]:
    """Resolved hints of a class; names that upstream imports for type checkers only are looked up by hand."""
    missing: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(cls, localns=missing, include_extras=True)
        except NameError as error:
            from vllm.config import quantization

            missing[error.name] = getattr(quantization, error.name, Any)


def coerced(cls: type, field: str) -> bool:
    """Whether a function of the class reads the field before pydantic does."""
    decorators = getattr(cls, "__pydantic_decorators__", None)
    return any(
        validator.info.mode in ("before", "wrap", "plain") and {field, "*"} & set(validator.info.fields)
        for validator in (decorators.field_validators.values() if decorators else ())
    )


def enum_values(each: type[enum.Enum], place: tuple[type, str] | None) -> tuple[list[Any], bool]:
    """How an enumeration is written: by name or by value, as the class that holds it takes it."""
    by_value = [member.value for member in each if isinstance(member.value, str | int)]
    names = list(each.__members__)
    if len(by_value) < len(each):
        return names, place is not None and all(takes(*place, name.lower()) for name in names)
    if place is None:
        return by_value, False
    taken = [value for value in by_value if takes(*place, value)]
    if len(taken) == len(by_value):
        return by_value, all(takes(*place, str(value).swapcase()) for value in by_value)
    return names, all(takes(*place, name.lower()) for name in names)


def takes(cls: type, field: str, value: Any) -> bool:
    """Whether a configuration class takes a value for one of its fields."""
    from pydantic import ValidationError

    try:
        cls(**{field: value})
    except ValidationError as error:
        return all(field not in fault["loc"] for fault in error.errors())
    except (KeyError, ValueError):
        return False
    except Exception:  # noqa: BLE001 - the class wants more than this one field; the field itself was read
        return True
    return True


def nested(cls: type, depth: int = 1) -> dict[str, Argument]:
    """The fields of a configuration class that may be given."""
    hints = type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        info = _model_fields(cls).get(field.name)
        if field.name.startswith("_") or not field.init or getattr(info, "init", None) is False:
            continue
        if depth <= DEPTH:
            default = default_of(field, info)
            found[field.name] = argument(
                field.name, cls.__name__, hints[field.name], default, (cls, field.name)
            )
    return found


def default_of(field: dataclasses.Field[Any], info: Any = None) -> Any:
    """A field's default; None where it is made anew each time and not from nothing."""
    from pydantic.fields import FieldInfo

    given = field.default
    if field.name in OF_THE_MACHINE:
        return None
    if isinstance(given, FieldInfo):
        info, given = given, given.default
    factory = field.default_factory if field.default_factory is not dataclasses.MISSING else None
    factory = factory or getattr(info, "default_factory", None)
    if factory:
        return factory()
    return None if given is dataclasses.MISSING else given


def as_json(value: Any) -> Any:
    """A default as JSON; null for what is none. A configuration class's own defaults stand at its fields."""
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, int) else value.name
    if dataclasses.is_dataclass(value):
        return {}
    if isinstance(value, Set):
        return sorted(value)
    if isinstance(value, Mapping | list | tuple) and not value:
        return {} if isinstance(value, Mapping) else []
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return None


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _in_order(kinds: Set[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in ALL if kind in kinds)
