"""From plain data to an environment, as far as it can be read, with every fault of form."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from .environment import Environment
from .faults import Path, faults
from .finding import Finding
from .section import Section

AnySection = TypeVar("AnySection", bound=Section)


class Parsed(NamedTuple):
    """An environment as far as it could be read; complete exactly if there are no findings."""

    environment: Environment
    findings: tuple[Finding, ...]


def parse(data: Mapping[str, Any]) -> Parsed:
    """Read an environment. What cannot be read is absent from it, and asking for it raises Unparsed.

    Nothing is converted: "5" and true are no whole numbers.
    """
    try:
        environment = Environment.model_validate_json(_json(data), strict=True)
    except ValidationError as error:
        wrong = faults(error, Environment, data)
        environment = _readable(Environment, data, [fault.path for fault in wrong])
        return Parsed(environment, tuple(fault.finding for fault in wrong if fault.finding))
    return Parsed(environment, ())


def _json(value: object) -> str:
    # YAML knows dates, JSON does not; a date is text here.
    return json.dumps(value, default=str)


def _readable(section: type[AnySection], given: object, wrong: Sequence[Path]) -> AnySection:
    """The section with those of its fields that have nothing wrong in them; none if it is no section."""
    keys = cast("Mapping[str, object]", given)
    names = section.model_fields if isinstance(given, Mapping) else {}
    values: dict[str, Any] = {}
    for name, field in names.items():
        below = [path[1:] for path in wrong if path[:1] == (name,)]
        if not below:
            values[name] = _value(field, keys[name]) if name in keys else _default(field)
        elif () not in below:
            values.update(_readable_parts(name, field, keys.get(name), below))
    made = section.model_construct(_fields_set={name for name in values if name in keys}, **values)
    for name in section.model_fields.keys() - values.keys():
        # model_construct fills in defaults; here they would stand for what the user wrote.
        vars(made).pop(name, None)
    return made


def _readable_parts(name: str, field: FieldInfo, given: object, wrong: Sequence[Path]) -> dict[str, Any]:
    """The field with what is right inside it, if it is a section or a list of sections; else nothing."""
    section = _section(field.annotation)
    if section is None:
        return {}
    if not isinstance(given, list):
        return {name: _readable(section, given, wrong)}
    parts: list[Section] = []
    for index, item in enumerate(cast("list[object]", given)):
        # An item that is no section at all stays as one with nothing in it, so that indices hold.
        parts.append(_readable(section, item, [path[1:] for path in wrong if path[0] == index]))
    return {name: tuple(parts)}


def _section(annotation: object) -> type[Section] | None:
    """The section that an annotation is, lists, or has among its alternatives."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, Section) else None
    return next((found for found in map(_section, get_args(annotation)) if found), None)


def _value(field: FieldInfo, given: object) -> object:
    wanted: Any = Annotated[field.rebuild_annotation(), field]
    return TypeAdapter[Any](wanted).validate_json(_json(given), strict=True)


def _default(field: FieldInfo) -> object:
    return field.get_default(call_default_factory=True, validated_data={})
