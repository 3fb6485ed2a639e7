"""What changes in the arguments from one version of vLLM to another."""

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from .argument import Argument, EngineVersion
from .history import departed

ChangeKind = Literal["added", "removed", "renamed", "type", "values", "bounds", "default", "options"]


class Change(BaseModel):
    """One thing that differs. Of values and options, before and after tell those that the other lacks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Argument, or field of one: speculative_config.model.")
    kind: ChangeKind
    before: JsonValue = None
    after: JsonValue = None
    remedy: str | None = Field(default=None, description="What to do, where the argument is gone.")


def changes(old: EngineVersion, new: EngineVersion) -> tuple[Change, ...]:
    """Everything that differs between two versions, by name: of dicts and of the options of `vllm serve`."""
    before, after = ({**version.serve, **version.arguments} for version in (old, new))
    return tuple(_changes(before, after, new, ""))


def _changes(
    before: Mapping[str, Argument], after: Mapping[str, Argument], new: EngineVersion, path: str
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        place = f"{path}{name}"
        if name not in before:
            yield Change(name=place, kind="added", after=after[name].default)
        elif name not in after:
            yield _departure(place, before[name], new)
        else:
            yield from _altered(place, before[name], after[name])
            yield from _changes(before[name].fields, after[name].fields, new, f"{place}.")


def _departure(place: str, argument: Argument, new: EngineVersion) -> Change:
    gone = departed(place, new)
    return Change(
        name=place,
        kind="renamed" if gone and gone.to else "removed",
        before=argument.default,
        after=gone.to if gone else None,
        remedy=gone.remedy if gone else None,
    )


def _altered(place: str, before: Argument, after: Argument) -> Iterator[Change]:
    if set(before.kinds) != set(after.kinds):
        yield Change(name=place, kind="type", before=list(before.kinds), after=list(after.kinds))
    lost, gained = _apart(before.values or before.known, after.values or after.known)
    if lost or gained:
        yield Change(name=place, kind="values", before=lost, after=gained)
    if before.bounds != after.bounds:
        yield Change(
            name=place,
            kind="bounds",
            before=cast("JsonValue", before.bounds),
            after=cast("JsonValue", after.bounds),
        )
    if before.default != after.default:
        yield Change(name=place, kind="default", before=before.default, after=after.default)
    lost, gained = _apart(before.flags, after.flags)
    if lost or gained:
        yield Change(name=place, kind="options", before=lost, after=gained)


def _apart(
    before: tuple[JsonValue, ...], after: tuple[JsonValue, ...]
) -> tuple[list[JsonValue], list[JsonValue]]:
    """What only the first holds, and what only the second."""
    return [value for value in before if value not in after], [
        value for value in after if value not in before
    ]
