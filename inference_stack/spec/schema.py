"""A model's JSON schema, walked along a user's keys and told in words."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

Schema = Mapping[str, Any]

FORM = "form"
"""Key of a schema that says in words what its pattern wants."""

FORMS = {"date": "a day such as 2027-03-31", "ipv4network": "an IPv4 range such as 10.40.0.0/16"}
"""What a JSON schema format wants, in words."""


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


class Node(NamedTuple):
    """One place in a schema."""

    schema: Schema
    definitions: Schema
    description: str = ""
    name: str = ""

    @classmethod
    def of(cls, model: type[BaseModel]) -> "Node":
        """The root of a model's schema."""
        schema = _schema_of(model)
        return cls(schema, schema.get("$defs", {}), name=model.__name__)

    def _with(self, schema: Schema) -> "Node":
        description = schema.get("description", self.description)
        name = ""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self.definitions[name]
        return Node(schema, self.definitions, description, name)

    @property
    def members(self) -> tuple["Node", ...]:
        """The alternatives of a union, absence aside; the node itself where there is only one."""
        given = [member for member in self.schema.get("anyOf", ()) if member.get("type") != "null"]
        return tuple(self._with(member) for member in given) or (self,)

    @property
    def is_union(self) -> bool:
        """Whether a value of several kinds may stand here."""
        return len(self.members) > 1

    @property
    def section(self) -> "Node | None":
        """The alternative that is a group of known keys."""
        return next((member for member in self.members if "properties" in member.schema), None)

    @property
    def sequence(self) -> "Node | None":
        """The alternative that is a list."""
        return next((member for member in self.members if member.schema.get("type") == "array"), None)

    @property
    def wants_text(self) -> bool:
        """Whether text may stand here."""
        return any(member.schema.get("type") == "string" for member in self.members)

    @property
    def lists_options(self) -> bool:
        """Whether the schema itself names all that may stand here."""
        return not {"const", "enum", "properties"}.isdisjoint(self.schema)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that may stand here."""
        return tuple(self.section.schema["properties"]) if self.section else ()

    def child(self, part: str | int) -> "Node":
        """The node below a key or an index; one that allows anything where the schema knows nothing."""
        schema = self.members[0].schema
        below = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
        return Node({}, self.definitions, self.description)._with(
            below or schema.get("additionalProperties") or {}
        )


def key_path(parts: Sequence[str | int]) -> str:
    """A path as people write it: models[2].engine.max_model_len."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}"
        else:
            text += f'["{part}"]'
    return text.removeprefix(".")


def allowed(node: Node) -> str:
    """What may stand at a node, in words."""
    # The short alternatives first: "auto, or keys pool, gpus".
    members = sorted(node.members, key=lambda member: "properties" in member.schema)
    told = ", or ".join(map(_member_allowed, members))
    explained = node.description and not any(member.lists_options for member in members)
    return f"{told} ({node.description.rstrip('.')})" if explained else told


def _member_allowed(node: Node) -> str:
    schema = node.schema
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(str(option) for option in schema["enum"])
    if "properties" in schema:
        return "keys " + ", ".join(schema["properties"])
    if FORM in schema:
        return schema[FORM]
    if schema.get("format") in FORMS:
        return FORMS[schema["format"]]
    kinds = {"integer": "a whole number", "number": "a number", "string": "text", "array": "a list"}
    kinds |= {"object": "keys with values", "boolean": "true or false"}
    return kinds.get(schema.get("type", ""), "any value") + _bounds(schema)


def _bounds(schema: Schema) -> str:
    if told := _numbers(schema):
        return told
    if "minItems" in schema:
        return f" of at least {schema['minItems']}"
    if "pattern" in schema:
        return f" that matches {schema['pattern']}"
    if "minLength" in schema:
        most = f" and at most {schema['maxLength']}" if "maxLength" in schema else ""
        return f" of at least {schema['minLength']}{most} characters"
    return ""


def _numbers(schema: Schema) -> str:
    above, least = schema.get("exclusiveMinimum"), schema.get("minimum")
    below, most = schema.get("exclusiveMaximum"), schema.get("maximum")
    if above is not None:
        return f" above {above}" + ("" if most is None else f", at most {most}")
    if below is not None:
        return f" from {least} to below {below}"
    if most is not None:
        return f" from {least} to {most}"
    return "" if least is None else f" of at least {least}"
