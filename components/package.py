"""The schema of the component package, and arguments on their way from a stack in any language.

Pulumi infers the schema from annotations. Two things it does not do, and this module does: it takes the
sections of an environment for types, and it tells everything that is wrong with arguments at once, by path,
with no value in the message: it may be a secret.
"""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.analyzer import (
    Analyzer,
    ComponentDefinition,
    PropertyDefinition,
    PropertyType,
    TypeDefinition,
)
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.server import ComponentInitError
from pydantic.fields import FieldInfo

from inference_stack.spec.section import Section

Errors = list[pulumi.InputPropertyErrorDetails]

PYTHON_TYPES = {
    PropertyType.STRING: (str,),
    PropertyType.BOOLEAN: (bool,),
    PropertyType.INTEGER: (int, float),
    PropertyType.NUMBER: (int, float),
    PropertyType.ARRAY: (list, tuple),
    PropertyType.OBJECT: (dict,),
}


class SectionAnalyzer(Analyzer):
    """Takes sections of an environment for types of the schema, described as they are in the spec."""

    def analyze_property(self, arg: Any, typ: type, name: str, **how: Any) -> PropertyDefinition:
        """As Pulumi's, for sections and for what their fields are annotated with."""
        if isinstance(arg, type) and issubclass(arg, Section):
            ref = f"#/types/{self.name}:index:{self._added(arg)}"
            return self._described(PropertyDefinition(ref=ref, plain=True), typ, name, how)
        if issubclass(typ, Section):
            return self._described(self._field(arg, typ, name), typ, name, how)
        return super().analyze_property(arg, typ, name, **how)

    def _added(self, section: type[Section]) -> str:
        """The name of a section's type. `Settings`, since components have the names of some sections."""
        called = f"{section.__name__}Settings"
        if called in self.type_definitions:
            return called
        definition = TypeDefinition(
            name=called,
            type=PropertyType.OBJECT,
            properties={},
            properties_mapping={},
            module=section.__module__,
            python_type=section,
            description=section.__doc__,
        )
        self.type_definitions[called] = definition
        for name, field in section.model_fields.items():
            found = self.analyze_property(field.annotation, section, name, optional=not field.is_required())
            definition.properties[camel_case(name)] = found
            definition.properties_mapping[camel_case(name)] = name
        return called

    def _field(self, arg: Any, typ: type, name: str) -> PropertyDefinition:
        """What an annotation of a section amounts to; what is one thing or another is anything."""
        if isinstance(arg, type) and issubclass(arg, Section):
            return self.analyze_property(arg, typ, name)
        origin, of = get_origin(arg), [each for each in get_args(arg) if each is not types.NoneType]
        if origin is Annotated or (origin in (types.UnionType, typing.Union) and len(of) == 1):
            return self._field(of[0], typ, name)
        if origin is Literal:
            kinds = {type(value) for value in of}
            return self._field(kinds.pop() if len(kinds) == 1 else Any, typ, name)
        if origin in (tuple, list, Sequence, frozenset):
            return PropertyDefinition(
                type=PropertyType.ARRAY, items=self._field(of[0], typ, name), plain=True
            )
        if origin in (dict, Mapping):
            values = self._field(of[1], typ, name)
            return PropertyDefinition(type=PropertyType.OBJECT, additional_properties=values, plain=True)
        for kind, found in (
            (bool, PropertyType.BOOLEAN),
            (int, PropertyType.INTEGER),
            (float, PropertyType.NUMBER),
        ):
            if isinstance(arg, type) and issubclass(arg, kind):
                return PropertyDefinition(type=found, plain=True)
        if isinstance(arg, type):
            # Names, networks, dates and enumerations are written as text.
            return PropertyDefinition(type=PropertyType.STRING, plain=True)
        return PropertyDefinition(ref="pulumi.json#/Any", plain=True)

    def _described(
        self, found: PropertyDefinition, typ: type, name: str, how: Mapping[str, Any]
    ) -> PropertyDefinition:
        field = typ.model_fields.get(name) if issubclass(typ, Section) else None
        found.description = _told(field) if field else self.get_docstring(typ, name)
        found.optional = bool(how.get("optional"))
        return found


def _told(field: FieldInfo) -> str:
    """What a field means, with what may stand there where that can be listed."""
    allowed = [str(value) for value in _listed(field.annotation) if value is not None]
    listed = f" One of {', '.join(allowed)}." if allowed else ""
    return (field.description or "") + listed


def _listed(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [member.value for member in annotation]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Annotated, types.UnionType, typing.Union, tuple):
        parts = [each for each in get_args(annotation) if each not in (types.NoneType, ...)]
        return _listed(parts[0]) if len(parts) == 1 else []
    return []


class Package(ComponentProvider):
    """Pulumi's host of components, with sections in its schema and everything that is wrong by path."""

    def __init__(self, components: list[type[pulumi.ComponentResource]], name: str, version: str) -> None:
        """`components` are what the package offers."""
        self._name = name
        self.analyzer = SectionAnalyzer(name)
        found = self.analyzer.analyze(components)
        self._components = {component.__name__: component for component in components}
        self._component_defs = found["component_definitions"]
        self._type_defs = found["type_definitions"]
        self._external_enum_types = found["external_enum_types"]
        self._dependencies = sorted(found["dependencies"], key=lambda each: f"{each.name}{each.version}")
        schema = generate_schema(
            name, version, None, self._component_defs, self._type_defs, self._dependencies
        )
        # Past Pulumi's own constructor, which takes no analyzer.
        super(ComponentProvider, self).__init__(version, json.dumps(schema.to_json()))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Make a component. Raises pulumi.InputPropertiesError for wrong arguments."""
        self.validate_resource_type(self._name, resource_type)
        kind = resource_type.rpartition(":")[2]
        definition = self._component_defs[kind]
        try:
            made = self._components[kind](name, self.map_inputs(inputs, definition), options)  # pyright: ignore[reportArgumentType]
        except pulumi.InputPropertiesError as wrong:
            told = [_named(each, definition, self._type_defs) for each in wrong.errors or ()]
            raise pulumi.InputPropertiesError("wrong arguments", told) from None
        except Exception as failed:
            raise ComponentInitError(failed) from failed
        return ConstructResult(made.urn, self.get_state(made, definition))

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        """Arguments under Python's names. Raises pulumi.InputPropertiesError with all that is wrong."""
        crossing = Crossing(self._type_defs)
        taken = crossing.members(inputs, component_def.inputs, component_def.inputs_mapping, "")
        if crossing.errors:
            raise pulumi.InputPropertiesError("wrong arguments", crossing.errors)
        return taken


class Crossing:
    """Arguments on their way in."""

    def __init__(self, types: Mapping[str, TypeDefinition]) -> None:
        """`types` are those of the schema."""
        self._types = types
        self.errors: Errors = []
        """What was wrong so far, by path."""

    def members(
        self,
        given: Mapping[str, Any],
        properties: Mapping[str, PropertyDefinition],
        names: Mapping[str, str],
        path: str,
    ) -> dict[str, Any]:
        """The members of an object, under Python's names."""
        for name, definition in properties.items():
            if given.get(name) is None and not definition.optional:
                self._refuse(_joined(path, name), "is required")
        taken: dict[str, Any] = {}
        for name, value in given.items():
            if name not in properties:
                near = get_close_matches(name, properties, n=1)
                hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(sorted(properties))}"
                self._refuse(_joined(path, name), f"is not known; {hint}")
            elif value is not None:
                taken[names[name]] = self.value(value, properties[name], _joined(path, name))
        return taken

    def value(self, given: Any, wanted: PropertyDefinition, path: str) -> Any:
        """A value under Python's names. One that is known later is mapped when it is known."""
        if isinstance(given, pulumi.Output):
            if wanted.plain:
                self._refuse(path, "must be known before anything is made: no output, and no secret")
            later = cast("pulumi.Output[Any]", given)
            return later.apply(lambda known: Crossing(self._types).value(known, wanted, path))
        if wanted.ref:
            return self._referred(given, wanted, path)
        kind = wanted.type
        if kind and (
            not isinstance(given, PYTHON_TYPES[kind]) or (isinstance(given, bool) and kind in NUMBERS)
        ):
            self._refuse(path, f"must be of type {kind.value}")
            return given
        if kind is PropertyType.INTEGER:
            # Every number comes as a float.
            return int(given) if float(given).is_integer() else self._refuse(path, "must be a whole number")
        if wanted.items:
            return [
                self.value(each, wanted.items, f"{path}[{index}]")
                for index, each in enumerate(cast("Sequence[Any]", given))
            ]
        if wanted.additional_properties:
            return {
                key: self.value(each, wanted.additional_properties, _joined(path, key))
                for key, each in cast("Mapping[str, Any]", given).items()
            }
        return given

    def _referred(self, given: Any, wanted: PropertyDefinition, path: str) -> Any:
        if (wanted.ref or "").startswith("pulumi.json"):
            return self._anything(given, path, plain=bool(wanted.plain))
        definition = self._types[(wanted.ref or "").rpartition(":")[2]]
        if not isinstance(given, Mapping):
            self._refuse(path, "must be of type object")
            return given
        members = cast("Mapping[str, Any]", given)
        return self.members(members, definition.properties, definition.properties_mapping, path)

    def _anything(self, given: Any, path: str, *, plain: bool) -> Any:
        """A value of any kind, in which whole numbers are whole again."""
        if isinstance(given, pulumi.Output) and plain:
            return self._refuse(path, "must be known before anything is made: no output, and no secret")
        if isinstance(given, Mapping):
            entries = cast("Mapping[str, Any]", given).items()
            return {key: self._anything(each, _joined(path, key), plain=plain) for key, each in entries}
        if isinstance(given, list):
            listed = enumerate(cast("list[Any]", given))
            return [self._anything(each, f"{path}[{index}]", plain=plain) for index, each in listed]
        return int(given) if isinstance(given, float) and given.is_integer() else given

    def _refuse(self, path: str, reason: str) -> None:
        self.errors.append({"property_path": path, "reason": reason})


NUMBERS = (PropertyType.INTEGER, PropertyType.NUMBER)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _named(
    error: pulumi.InputPropertyErrorDetails,
    component: ComponentDefinition,
    types: Mapping[str, TypeDefinition],
) -> pulumi.InputPropertyErrorDetails:
    """An error with its path as whoever wrote the arguments knows it, in the names of the schema."""
    properties, names, found = component.inputs, component.inputs_mapping, list[str]()
    for step in error["property_path"].split("."):
        name, bracket, index = step.partition("[")
        known = {python: schema for schema, python in names.items()}.get(name, name)
        found.append(known + bracket + index)
        definition = properties.get(known)
        of = definition and (definition.items or definition)
        inner = types.get(of.ref.rpartition(":")[2]) if of and of.ref else None
        properties, names = (inner.properties, inner.properties_mapping) if inner else ({}, {})
    return {"property_path": ".".join(found), "reason": error["reason"]}
