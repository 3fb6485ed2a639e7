"""What changes between old and new inputs, and what a refresh brings back from the cloud."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from localcloud.arm.check import RANDOMLY_NAMED
from localcloud.arm.kinds import Kind
from localcloud.arm.sdk import ObjectShape, ResourceShape, Shape
from localcloud.arm.wire import UNKNOWN, Properties

Change = Literal["add", "update", "delete"]


class LeafChange(NamedTuple):
    """How one property path changes."""

    change: Change
    replaces: bool


class Difference(NamedTuple):
    """The difference between two sets of inputs, by property path."""

    leaves: dict[str, LeafChange]
    delete_before_replace: bool

    @property
    def replacing(self) -> list[str]:
        """Paths that force a new resource."""
        return [path for path, leaf in self.leaves.items() if leaf.replaces]


def difference(kind: Kind, old_state: Properties, old: Properties, new: Properties) -> Difference:
    """What azure-native shows: inputs against inputs, so that what the service added is no difference."""
    old = {**{key: old_state[key] for key in ("azureApiVersion",) if key in old_state}, **old}
    leaves: dict[str, LeafChange] = {}
    _objects(_visible(old), _visible(new), "", "", kind.replacing, leaves)
    for path, leaf in leaves.items():
        if leaf == ("add", True) and path in new and old_state.get(path) == new[path]:
            leaves[path] = leaf._replace(replaces=False)
    replaces = any(leaf.replaces for leaf in leaves.values())
    randomly_named = old.get(RANDOMLY_NAMED)
    return Difference(leaves, replaces if randomly_named is None else not randomly_named)


def _visible(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if not name.startswith("__")}


def _objects(
    old: Properties,
    new: Properties,
    path: str,
    rule: str,
    replacing: frozenset[str],
    leaves: dict[str, LeafChange],
) -> None:
    for name in [*old, *(name for name in new if name not in old)]:
        here, rule_here = f"{path}{name}", f"{rule}{name}"
        if name in old and name in new:
            _values(old[name], new[name], here, rule_here, replacing, leaves)
        else:
            leaves[here] = LeafChange("delete" if name in old else "add", rule_here in replacing)


def _values(
    old: Any,
    new: Any,
    path: str,
    rule: str,
    replacing: frozenset[str],
    leaves: dict[str, LeafChange],
) -> None:
    if old == new or (rule == "location" and location(old) == location(new)):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        nested: dict[str, LeafChange] = {}
        _objects(old, new, f"{path}.", f"{rule}.", replacing, nested)
        leaves.update(
            (where, leaf._replace(replaces=True) if leaf.change == "update" and rule in replacing else leaf)
            for where, leaf in nested.items()
        )
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            _values(before, after, f"{path}[{index}]", f"{rule}[]", replacing, leaves)
        for index in range(min(len(old), len(new)), max(len(old), len(new))):
            leaves[f"{path}[{index}]"] = LeafChange("delete" if index < len(old) else "add", False)
    else:
        leaves[path] = LeafChange("update", rule in replacing)


def location(name: Any) -> Any:
    """A location in ARM's normal form: "West US 2" and "westus2" are one."""
    return name.replace(" ", "").lower() if isinstance(name, str) else name


def as_inputs(shape: ResourceShape, outputs: Properties) -> Properties:
    """Outputs in the form of inputs: what is read-only left out."""
    return _project(shape.inputs, shape, outputs)


def _project(declared: ObjectShape, shape: ResourceShape, value: Properties) -> Properties:
    return {
        name: _projected(declared[name].shape, shape, item)
        for name, item in value.items()
        if name in declared
    }


def _projected(expected: Shape, shape: ResourceShape, value: Any) -> Any:
    if isinstance(value, dict):
        if expected.items is not None:  # A set of ids in, a map by id out.
            return list(value)
        if expected.values is not None:
            return {key: _projected(expected.values, shape, item) for key, item in value.items()}
        if expected.objects:
            return _project(shape.objects[expected.objects[0]], shape, value)
    if isinstance(value, list) and expected.items is not None:
        return [_projected(expected.items, shape, item) for item in value]
    return value


def refreshed(inputs: Properties, before: Properties, after: Properties) -> Properties:
    """The inputs, with what has changed in the cloud between two readings."""
    result = {name: value for name, value in inputs.items() if name in after or name not in before}
    for name, value in after.items():
        if name not in before:
            result[name] = value
        elif value != before[name]:
            result[name] = _refreshed(inputs.get(name), before[name], value)
    return result


def _refreshed(base: Any, before: Any, after: Any) -> Any:
    if isinstance(base, dict) and isinstance(before, dict) and isinstance(after, dict):
        return refreshed(base, before, after)
    if isinstance(base, list) and isinstance(before, list) and isinstance(after, list):
        known = min(len(base), len(before))
        return [
            _refreshed(base[index], before[index], item) if index < known else item
            for index, item in enumerate(after)
        ]
    return after


def preview(shape: ResourceShape, inputs: Properties) -> Properties:
    """Outputs as far as a preview knows them: inputs echoed, everything else unknown."""
    return _preview(shape.outputs, shape, inputs)


def _preview(declared: ObjectShape, shape: ResourceShape, inputs: Properties) -> Properties:
    return {
        name: _previewed(output.shape, shape, inputs[name]) if name in inputs else UNKNOWN
        for name, output in declared.items()
        if name != "id"
    }


def _previewed(expected: Shape, shape: ResourceShape, value: Any) -> Any:
    if isinstance(value, Mapping):
        if expected.objects:
            return _preview(shape.objects[expected.objects[0]], shape, dict(value))
        if expected.values is not None:
            return {key: _previewed(expected.values, shape, item) for key, item in value.items()}
    if isinstance(value, list):
        if expected.values is not None:  # A set of ids in, a map by id out.
            return UNKNOWN
        if expected.items is not None:
            return [_previewed(expected.items, shape, item) for item in value]
    return value
