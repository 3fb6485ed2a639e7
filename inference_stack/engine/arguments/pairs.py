"""Which releases of Ray and vLLM were tried together."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from inference_stack.spec import Finding, Severity

from .argument import table


class Pair(BaseModel):
    """Ray and vLLM, each of one release, and whether the first can run the second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ray: str
    vllm: str
    outcome: Literal["serves", "configures", "breaks"] = Field(
        description="Configures: a replica's engine was configured, and no request was served."
    )
    what: str = Field(default="", description="What goes wrong.")
    tried: str = Field(description="What was run to know it.")
    day: date = Field(alias="date", description="When.")


@cache
def pairs() -> tuple[Pair, ...]:
    """Every pair that was tried."""
    return TypeAdapter(tuple[Pair, ...]).validate_python(table("pairs"))


def pair_findings(ray: str, vllm: str, path: str) -> Iterator[Finding]:
    """What is known against a pair: an error where it breaks, a warning where nobody tried it."""
    (found,) = [pair for pair in pairs() if (pair.ray, pair.vllm) == (ray, vllm)] or [None]
    working = ", ".join(pair.vllm for pair in pairs() if pair.ray == ray and pair.outcome == "serves")
    if found and found.outcome == "breaks":
        yield Finding(
            code="pair-breaks",
            path=path,
            given=vllm,
            what=f"under Ray {ray}: {found.what}",
            allowed=working or None,
        )
    elif not found or found.outcome == "configures":
        extent = "an engine was configured, no request served" if found else "nobody tried it"
        yield Finding(
            code="pair-untested",
            severity=Severity.WARNING,
            path=path,
            given=vllm,
            what=f"under Ray {ray}: {extent}",
            allowed=working or None,
            remedy="try it, and add the pair to pairs.yaml",
        )
