"""What one version of vLLM takes: every argument with its type, values, bounds and default."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

DATA = Path(__file__).parent / "data"

Kind = Literal["boolean", "integer", "number", "string", "array", "object", "null"]
"""A type of JSON: what an argument may be in a dict or a file."""


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
    items: tuple[JsonValue, ...] = Field(default=(), description="The only values of a list's entries.")
    fields: Mapping[str, "Argument"] = Field(
        default={}, description="What an object may hold, where vLLM declares it; others are refused."
    )
    description: str = Field(default="", description="What it does, in our words.")
    flags: tuple[str, ...] = Field(
        default=(), description="Options of `vllm serve`: --max-model-len; -tp; --no-enable-lora."
    )
    parse: Literal["value", "flag", "list", "json", "human"] = Field(
        default="value",
        description="How the command line reads it: human takes 64k and 1M, json an object and dotted parts.",
    )
    deprecated: str | None = Field(default=None, description="What vLLM says of its end, in our words.")


class EngineVersion(BaseModel):
    """Everything that one version of vLLM takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    engine: Mapping[str, Argument] = Field(description="Fields of AsyncEngineArgs, by name.")
    frontend: Mapping[str, Argument] = Field(description="Arguments of the server in front, by name.")

    @property
    def arguments(self) -> Mapping[str, Argument]:
        """All of both, by name: what `vllm serve` knows."""
        return {**self.frontend, **self.engine}


@cache
def engine_version(version: str) -> EngineVersion:
    """What a version takes. Raises KeyError, naming those that are known, for one that is not."""
    if version not in known_versions():
        raise KeyError(f"vLLM {version} is not known here; known: {', '.join(known_versions())}")
    return EngineVersion.model_validate(json.loads((DATA / f"vllm-{version}.json").read_text()))


@cache
def known_versions() -> tuple[str, ...]:
    """Versions that are known, oldest first."""
    found = (path.stem.removeprefix("vllm-") for path in DATA.glob("vllm-*.json"))
    return tuple(sorted(found, key=lambda version: tuple(map(int, version.split(".")))))
