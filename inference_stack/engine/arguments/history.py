"""Arguments that vLLM no longer has: when each went, and what does its work now."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .argument import EngineVersion, release, table


class Departed(BaseModel):
    """An argument that one release of vLLM took and the next did not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["removed", "renamed"]
    until: str = Field(description="The last release that took it.")
    version: str = Field(description="The first release without it.")
    to: str | None = Field(
        default=None,
        description="Where its value goes as it stands: an argument, or a field: speculative_config.model.",
    )
    instead: str = Field(default="", description="What to do, in words; with `to`, what else to mind.")
    source: str = Field(
        description="Who says so: a pull request, or a place in the release that had it last."
    )

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return "; ".join(part for part in (f"write {self.to}" if self.to else "", self.instead) if part)


@cache
def history() -> Mapping[str, Departed]:
    """Every argument that is gone, from vLLM 0.2.7 on, by name; a field by its path."""
    return {name: Departed(name=name, **entry) for name, entry in table("history").items()}


def departed(name: str, version: EngineVersion) -> Departed | None:
    """What became of a name that `version` does not take; None where no earlier release took it either."""
    found = history().get(name)
    if found is None or version.find(name):
        return None
    return found if release(found.version) <= release(version.version) else None
