"""What the installed azure-native SDK says of a resource: the types of its arguments and of its outputs.

Importing an SDK module costs up to a second (network alone is 1.4 MB of inputs), so what is read from it is
kept in the cache folder by SDK version.
"""

import functools
import importlib
import os
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from importlib.metadata import version
from inspect import isclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union

from pulumi import Output, _types
from pydantic import BaseModel, ConfigDict, ValidationError

from localcloud.arm.kinds import PACKAGE
from localcloud.arm.refusal import RequestError

_FORMAT = 2
"""Raise when the form of a cached shape changes, or how it is read."""

Scalar = Literal["string", "integer", "number", "boolean", "any"]


class Shape(BaseModel):
    """The type of a value. One of ``scalar``, ``items``, ``values`` or ``objects`` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scalar: Scalar | None = None
    enum: tuple[str, ...] = ()
    """Allowed strings; empty if any will do."""
    items: "Shape | None" = None
    """Of a list."""
    values: "Shape | None" = None
    """Of a map with free keys."""
    objects: tuple[str, ...] = ()
    """Names of object types in the ``ResourceShape``; several where ARM tells them apart by a field."""


class Property(BaseModel):
    """One property of an object type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Shape
    required: bool


ObjectShape = dict[str, Property]


class ResourceShape(BaseModel):
    """Arguments and outputs of one resource type, and the object types they mention."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: ObjectShape
    outputs: ObjectShape
    objects: dict[str, ObjectShape]


@functools.cache
def shape_of(token: str) -> ResourceShape:
    """The shape of a resource type, from the cache folder or else by reflection on the SDK.

    Raises:
        RequestError: the installed SDK has no such type, or the cache folder cannot be written.
    """
    folder = _cache()
    file = folder / f"{token.replace(':', '.')}.json"
    try:
        return ResourceShape.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):  # absent, or cut short by a kill
        shape = _Reflection().resource(token)
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(shape.model_dump_json(exclude_defaults=True))
    draft.replace(file)
    return shape


def _cache() -> Path:
    from localcloud.toolchain import ToolchainError, cache  # a fifth of a second that a start can do without

    try:
        return cache.root() / "arm" / f"{PACKAGE}-{version('pulumi-azure-native')}-{_FORMAT}"
    except ToolchainError as wrong:
        raise RequestError(str(wrong)) from wrong


class _Reflection:
    """One walk over a resource's classes."""

    def __init__(self) -> None:
        self._objects: dict[str, ObjectShape] = {}

    def resource(self, token: str) -> ResourceShape:
        _, module_name, name = token.split(":")
        try:
            resource = getattr(importlib.import_module(f"pulumi_azure_native.{module_name}"), name)
        except (ImportError, AttributeError):
            raise RequestError(
                f"pulumi_azure_native {version('pulumi-azure-native')} has no {token}"
            ) from None
        file = importlib.import_module(resource.__module__)
        # SubnetInitArgs, not SubnetArgs, where a nested type has taken the plain name.
        arguments = getattr(file, next(public for public in file.__all__ if public.endswith("Args")))
        inputs = self._input_object(arguments)
        outputs = self._object(_types.resource_types(resource), frozenset())
        return ResourceShape(
            inputs=inputs, outputs={k: v for k, v in outputs.items() if k != "urn"}, objects=self._objects
        )

    def _input_object(self, arguments: type) -> ObjectShape:
        return self._object(_types.input_type_types(arguments), _types._required_property_names(arguments))

    def _object(self, types: Mapping[str, Any], required: frozenset[str]) -> ObjectShape:
        return {
            name: Property(shape=self._shape(hint), required=name in required) for name, hint in types.items()
        }

    def _named(self, declared: type) -> str:
        """Read an object type once; its name stands for it, so that types may hold themselves."""
        name = f"{declared.__module__.rpartition('.')[2].strip('_')}.{declared.__name__}"
        if name not in self._objects:
            self._objects[name] = {}
            self._objects[name] = (
                self._input_object(declared)
                if _types.is_input_type(declared)
                else self._object(_types.output_type_types(declared), frozenset())
            )
        return name

    def _shape(self, hint: Any) -> Shape:
        members = _members(hint)
        objects = [m for m in members if isclass(m) and (_types.is_input_type(m) or _types.is_output_type(m))]
        if objects:
            return Shape(objects=tuple(self._named(m) for m in objects))
        enums = [m for m in members if isclass(m) and issubclass(m, Enum)]
        if enums:
            return Shape(scalar="string", enum=tuple(str(value.value) for m in enums for value in m))
        member = members[0] if len(members) == 1 else Any
        match typing.get_origin(member):
            case origin if origin in (list, Sequence):
                return Shape(items=self._shape(typing.get_args(member)[0]))
            case origin if origin in (dict, Mapping):
                return Shape(values=self._shape(typing.get_args(member)[1]))
        return Shape(scalar=_SCALARS.get(member, "any"))


_SCALARS: dict[Any, Scalar] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _members(hint: Any) -> list[Any]:
    """What a value may be, without the Output, Awaitable and None that every input may be."""
    if typing.get_origin(hint) not in (Union, UnionType):
        return [hint]
    members = [part for member in typing.get_args(hint) for part in _members(member)]
    plain = [m for m in members if m is not NoneType and not _is_plumbing(m) and not _is_open(m)]
    return plain or [Any]


def _is_open(member: Any) -> bool:
    """Whether an enumeration lists what is known, and any other text may stand there too.

    Azure calls those `Known…`; Microsoft-PrometheusMetrics, for one, is not among the streams of a data flow.
    """
    return isclass(member) and issubclass(member, Enum) and member.__name__.startswith("Known")


def _is_plumbing(member: Any) -> bool:
    origin = typing.get_origin(member)
    return (
        origin is Output or origin is typing.get_origin(typing.Awaitable[str]) or typing.is_typeddict(member)
    )
