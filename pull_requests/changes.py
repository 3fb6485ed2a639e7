"""What changes of the resources.

With a login, Pulumi itself says so, against what is there. Offline nothing is there: both commits are
previewed from nothing, and what they would make is compared. Whether a difference replaces a resource is told
by the same parts as in a real run: the resource's own options, which Pulumi's preview repeats, and the
provider.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import yaml

from localcloud.arm.check import RANDOMLY_NAMED
from localcloud.arm.difference import difference
from localcloud.arm.kinds import kinds
from pull_requests.preview import Preview, State

How = Literal["create", "update", "replace", "delete"]
Leaves = dict[str, Any]
"""Values by property path."""

ABSENT = object()
_NAMED_BY = ("metadata.name", "metadata.namespace", "apiVersion", "kind")
"""With another of these, it is another Kubernetes object."""
_INTERNAL = ("pulumi:providers:", "pulumi:pulumi:Stack")


@dataclass(frozen=True)
class Difference:
    """One property that is not what it was; ABSENT where it was not there, or is not any more."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What becomes of one resource."""

    how: How
    type: str
    name: str
    differences: tuple[Difference, ...] = ()


def told_by_pulumi(preview: Preview) -> tuple[Change, ...]:
    """What a preview against a real state would do."""
    return tuple(
        Change(step.op, *_named(step.urn), _differences(step.old, step.new))  # pyright: ignore[reportArgumentType] (checked below)
        for step in preview.steps
        if step.op in get_args(How) and _counts(step.new or step.old)
    )


def between(base: Preview, here: Preview) -> tuple[Change, ...]:
    """What differs between what two previews from nothing would make."""
    old, new = _made(base), _made(here)
    gone = (Change("delete", *_named(urn)) for urn in old if urn not in new)
    come = (Change("create", *_named(urn)) for urn in new if urn not in old)
    other = (_changed(urn, old[urn], new[urn]) for urn in new if urn in old)
    return (*gone, *come, *filter(None, other))


def _made(preview: Preview) -> dict[str, State]:
    return {step.urn: step.new for step in preview.steps if step.op == "create" and _counts(step.new)}


def _counts(state: State) -> bool:
    """Whether it is something in the cloud: components and providers live in the state alone."""
    return bool(state.get("custom")) and not state["type"].startswith(_INTERNAL)


def _named(urn: str) -> tuple[str, str]:
    parent, name = urn.split("::")[2], urn.rpartition("::")[2]
    return parent.rpartition("$")[2], name


def _changed(urn: str, old: State, new: State) -> Change | None:
    found = _differences(old, new)
    replaced = old.get("replacementTrigger") != new.get("replacementTrigger")
    if not found and not replaced:
        return None
    forced = replaced or any(_replaces(each.path, new) for each in found) or _provider_replaces(old, new)
    return Change("replace" if forced else "update", *_named(urn), found)


def _replaces(path: str, new: State) -> bool:
    options = [*new.get("replaceOnChanges", ())]
    if new["type"].startswith("kubernetes:"):
        options += _NAMED_BY
    return any(_under(path, option) for option in options)


def _under(path: str, option: str) -> bool:
    return path == option or path.startswith((f"{option}.", f"{option}["))


def _provider_replaces(old: State, new: State) -> bool:
    kind = kinds().get(new["type"])
    if kind is None:
        return False
    before, after = _inputs(old, new), _inputs(new, old)
    return bool(difference(kind, {}, before, after).replacing)


def _differences(old: State, new: State) -> tuple[Difference, ...]:
    if not old or not new:
        return ()
    ignored = new.get("ignoreChanges", ())
    before, after = dict(_leaves(_inputs(old, new), "")), dict(_leaves(_inputs(new, old), ""))
    return tuple(
        Difference(path, before.get(path, ABSENT), after.get(path, ABSENT))
        for path in dict.fromkeys([*before, *after])
        if before.get(path, ABSENT) != after.get(path, ABSENT)
        and not path.startswith("__")
        and not any(_under(path, option) for option in ignored)
    )


def _inputs(state: State, other: State) -> dict[str, Any]:
    """Inputs without a name that the provider made up: it is random, and a stack keeps the first."""
    inputs, kind = state.get("inputs", {}), kinds().get(state["type"])
    if kind and all(each.get("inputs", {}).get(RANDOMLY_NAMED) for each in (state, other)):
        return {name: value for name, value in inputs.items() if name != kind.name_parameter}
    return inputs


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    value = _document(value)
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _document(value: Any) -> Any:
    """What a text of several lines says, where it is YAML, as a Serve configuration is."""
    if not isinstance(value, str) or "\n" not in value.strip():
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return read if isinstance(read, dict | list) else value
