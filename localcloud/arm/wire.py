"""Property values between the engine's protobuf form and plain Python, and paths into them."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

UNKNOWN: str = rpc.UNKNOWN
"""Stands for a value that is not known before ``up``, here as on the wire."""

Properties = dict[str, Any]
"""Property values by the SDK's camelCase names: strings, numbers, booleans, lists and nested properties."""


def decode(message: struct_pb2.Struct) -> Properties:
    """Plain properties: nulls dropped, secrets unwrapped, whole numbers as ints."""
    return {key: plain for key, value in message.fields.items() if (plain := _decode(value)) is not None}


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            properties = decode(value.struct_value)
            secret = properties.get(rpc._special_sig_key) == rpc._special_secret_sig
            return properties.get("value") if secret else properties
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
    return None


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The protobuf form of plain properties."""
    message = struct_pb2.Struct()
    for key, value in properties.items():
        _encode(value, message.fields[key])
    return message


def _encode(value: Any, message: struct_pb2.Value) -> None:
    match value:
        case None:
            message.null_value = struct_pb2.NULL_VALUE
        case bool():
            message.bool_value = value
        case int() | float():
            message.number_value = value
        case str():
            message.string_value = value
        case Mapping():
            message.struct_value.SetInParent()
            for key, item in value.items():
                _encode(item, message.struct_value.fields[key])
        case _:
            message.list_value.SetInParent()
            for item in value:
                _encode(item, message.list_value.values.add())


def at(properties: Properties, path: str) -> Iterator[Any]:
    """The values at a path such as ``subnet.id`` or ``connections[].serviceId``; none where it ends early."""
    head, _, rest = path.partition(".")
    name, _, is_list = head.partition("[")
    value = properties.get(name)
    if value is None:
        return
    for item in value if is_list and isinstance(value, list) else [value]:
        if not rest:
            yield item
        elif isinstance(item, dict):
            yield from at(item, rest)


def get(properties: Properties, path: str) -> Any:
    """The value at a dotted path, or None."""
    return next(at(properties, path), None)


def put(properties: Properties, path: str, value: Any) -> None:
    """Set the value at a dotted path, making the objects on the way."""
    *way, name = path.split(".")
    for step in way:
        properties = properties.setdefault(step, {})
    properties[name] = value
