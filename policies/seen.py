"""What a rule sees of a resource: its type, its name, and its properties by path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

_VERSION = re.compile(r"^(azure-native:\w+)(?:/v\w+)?:")


class NotCheckedYet(UnknownValueError):  # noqa: N818 - named for what it says
    """A rule could not be held against values that are known after the update alone.

    The SDK tells it as an advisory, whatever the level of the rule, so that a first preview goes on.
    """

    def __init__(self, places: Sequence[str]) -> None:
        """Name the places."""
        super().__init__(UNKNOWN_STRING_VALUE, list(places))
        are = "is" if len(places) == 1 else "are"
        self.message = f"not checked yet: {', '.join(places)} {are} known after the update alone"


@dataclass(frozen=True)
class Seen:
    """A resource. Asking for a value that is not known yet raises UnknownValueError."""

    type: str
    """Without the version of Azure's API: azure-native:containerservice:AgentPool."""
    name: str
    props: Mapping[str, Any]
    urn: str = ""
    depends_on: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """URNs of the resources that a property is made from; known for whole-stack rules alone."""

    @classmethod
    def of(cls, given: ResourceValidationArgs | PolicyResource) -> "Seen":
        """From what the policy SDK hands over."""
        depends: dict[str, frozenset[str]] = {}
        if isinstance(given, PolicyResource):
            depends = {
                name: frozenset(each.urn for each in made_from)
                for name, made_from in given.property_dependencies.items()
            }
        return cls(_VERSION.sub(r"\1:", given.resource_type), given.name, given.props, given.urn, depends)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a path of names with dots between; `default` where it is absent or null."""
        value: Any = self.props
        for name in path.split("."):
            if not isinstance(value, Mapping) or name not in value:
                return default
            value = cast("Mapping[str, Any]", value)[name]
        return default if value is None else value

    def plain(self, path: str, default: Any = None) -> Any:
        """The same in plain types, whole numbers as such: all of it must be known."""
        return plain(self.get(path, default))

    def has(self, name: str) -> bool:
        """Whether a property is given, known or not."""
        return name in self.props


def plain(value: Any) -> Any:
    """What a proxy stands for. Raises UnknownValueError where a value is known after the update alone."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in cast("Sequence[object]", value)]
    # The engine sends every number as a float.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def maps(value: Any) -> Iterator[Mapping[str, Any]]:
    """The entries of a list that are groups of keys."""
    for entry in value or ():
        if isinstance(entry, Mapping):
            yield entry
