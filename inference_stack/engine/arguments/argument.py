"""What one version of vLLM takes: every argument with its type, values, bounds and default."""

import json
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inference_stack.spec.libyaml import LOADER

DATA = Path(__file__).parent / "data"

Kind = Literal["boolean", "integer", "number", "string", "array", "object", "null"]
"""A type of JSON: what an argument may be in a dict or a file. A number may also be written as an integer."""

IN_WORDS: Mapping[str, str] = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
"""The same for the reader."""

Parse = Literal[
    "value",
    "flag",
    "optional",
    "list",
    "append",
    "comma",
    "json",
    "json-or-text",
    "lora",
    "human",
    "human-or-auto",
    "normalized",
]
"""How the command line reads an argument.

value: one word, read as its kind; a nullable one takes None as null. flag: no word. optional: a word or none.
list: all words up to the next option. append: one word each time that it is given. comma: one word, split.
json: an object or list, also as dotted parts. json-or-text: text unless it looks like an object.
lora: words of name=path or JSON. human: 64k, 1M. human-or-auto: also auto. normalized: A-B is read as a_b.
"""


class Argument(BaseModel):
    """One argument of the engine or of the server in front of it, as vLLM declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="As Python writes it: max_model_len.")
    group: str = Field(description="Class of vLLM that declares it: ModelConfig, FrontendArgs.")
    kinds: tuple[Kind, ...] = Field(description="Types of JSON that it takes; null where None is meant.")
    values: tuple[JsonValue, ...] = Field(
        default=(), description="The only values that it takes beside null; empty where it is open."
    )
    minimum: float | None = Field(default=None, description="Least that it may be, itself included.")
    maximum: float | None = Field(default=None, description="Most that it may be, itself included.")
    above: float | None = Field(default=None, description="It must be more than this.")
    below: float | None = Field(default=None, description="It must be less than this.")
    default: JsonValue = Field(default=None, description="What stands where it is left out.")
    known: tuple[JsonValue, ...] = Field(
        default=(), description="Values that vLLM itself brings, where a plug-in may bring others."
    )
    any_case: bool = Field(default=False, description="Whether values may be written in small letters too.")
    coerced: bool = Field(
        default=False,
        description="Whether vLLM first reads the value by a function of its own, which may take more.",
    )
    items: tuple[JsonValue, ...] = Field(default=(), description="The only values of a list's entries.")
    item_kinds: tuple[Kind, ...] = Field(
        default=(), description="Types of a list's entries; empty where open."
    )
    fields: Mapping[str, "Argument"] = Field(
        default={}, description="What an object may hold, where vLLM declares it; others are refused."
    )
    description: str = Field(default="", description="What it does, in our words.")
    flags: tuple[str, ...] = Field(
        default=(),
        description="Options of `vllm serve`: --max-model-len; -tp; --no-enable-lora. Empty without any.",
    )
    negated: tuple[str, ...] = Field(default=(), description="Those of its options that mean false.")
    parse: Parse = "value"
    choices: tuple[JsonValue, ...] = Field(
        default=(), description="What the command line lets through, after reading; empty where it is all."
    )
    deprecated: str | None = Field(default=None, description="What vLLM says of its end, in our words.")

    @property
    def bounds(self) -> dict[str, float]:
        """Those of minimum, above, maximum and below that it has."""
        found = {name: getattr(self, name) for name in ("minimum", "above", "maximum", "below")}
        return {name: bound for name, bound in found.items() if bound is not None}


class EngineVersion(BaseModel):
    """Everything that one version of vLLM takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    engine: Mapping[str, Argument] = Field(description="Fields of AsyncEngineArgs, by name.")
    frontend: Mapping[str, Argument] = Field(description="Arguments of the server in front, by name.")
    serve: Mapping[str, Argument] = Field(
        description="Options of `vllm serve` alone, which no dict may hold: headless, config, grpc."
    )

    @cached_property
    def arguments(self) -> Mapping[str, Argument]:
        """All of engine and frontend, by name: what a dict may hold."""
        return {**self.frontend, **self.engine}

    def find(self, path: str) -> Argument | None:
        """An argument, or a field of one by a path with dots: speculative_config.model. None without it."""
        name, *fields = path.split(".")
        found = self.arguments.get(name) or self.serve.get(name)
        for field in fields:
            found = found.fields.get(field) if found else None
        return found

    @cached_property
    def options(self) -> Mapping[str, Argument]:
        """Everything with an option of `vllm serve`, by name."""
        found = {**self.serve, **self.arguments}
        return {name: argument for name, argument in found.items() if argument.flags}


@cache
def engine_version(version: str) -> EngineVersion:
    """What a version takes. Raises KeyError, naming those that are known, for one that is not."""
    if version not in known_versions():
        raise KeyError(f"vLLM {version} is not known here; known: {', '.join(known_versions())}")
    content = json.loads((DATA / f"vllm-{version}.json").read_text())
    for arguments in (content["engine"], content["frontend"], content["serve"]):
        for name, entry in arguments.items():
            entry |= described(name, version)
    return EngineVersion.model_validate(content)


def table(name: str) -> Any:
    """What is written by hand for all versions, in a file of its own."""
    return yaml.load((DATA / f"{name}.yaml").read_text(), LOADER)  # noqa: S506 - a safe one


@cache
def descriptions() -> Mapping[str, str | Mapping[str, str]]:
    """What every argument does, by name: words, or these with what is deprecated since which version."""
    return table("descriptions")


def described(name: str, version: str) -> Mapping[str, str]:
    """The description of an argument, and since the version that says so, what to use instead of it."""
    told = descriptions().get(name, "")
    if isinstance(told, str):
        return {"description": told}
    gone = {"deprecated": told["deprecated"]} if release(told["since"]) <= release(version) else {}
    return {"description": told["description"], **gone}


@cache
def known_versions() -> tuple[str, ...]:
    """Versions that are known, oldest first."""
    found = (path.stem.removeprefix("vllm-") for path in DATA.glob("vllm-*.json"))
    return tuple(sorted(found, key=release))


def release(version: str) -> tuple[int, ...]:
    """A version as numbers, to be compared: 0.10.0 comes after 0.9.2."""
    return tuple(map(int, version.split(".")))
