"""YAML by libyaml, where PyYAML was built with it: the same as in Python, at a tenth of the time."""

from functools import lru_cache
from typing import Any, cast

import yaml

_LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS = cast("dict[str, list[tuple[str, Any]]]", yaml.SafeLoader.yaml_implicit_resolvers)
_TAG = "tag:yaml.org,2002:"


@lru_cache(maxsize=100_000)
def _tag(value: str) -> str:
    """What a text without quotes is: a number, a date, or but a text."""
    for tag, form in _RESOLVERS.get(value[:1], ()):
        if form.match(value):
            return tag
    return f"{_TAG}str"


class _Loader(_LIBYAML):
    def resolve(self, kind: type, value: str | None, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that has none: as PyYAML has it, which works it out anew for each."""
        if kind is yaml.ScalarNode:
            return _tag(cast("str", value)) if implicit[0] else f"{_TAG}str"
        return f"{_TAG}map" if kind is yaml.MappingNode else f"{_TAG}seq"


LOADER: type[yaml.SafeLoader] = _Loader
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
