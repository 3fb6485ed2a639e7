"""The documents of a YAML or JSON file, each with the places of everything in it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

from inference_stack.spec import Finding
from inference_stack.spec.libyaml import LOADER

from .scalars import traced_scalar
from .source import Spot, Traced

MOST_NODES = 200_000
"""Values of a document, aliases written out. What etcd would take has fewer."""
DEEPEST = 100
"""Levels of a document. Kubernetes' own definitions go down to about thirty."""
NEXT_DOCUMENT = re.compile(r"^---", re.MULTILINE)
INDENTATION = re.compile(r"^[ \t?-]*", re.MULTILINE)
INDEX = re.compile(r"\[(\d+)\]")


class Documents(NamedTuple):
    """What a file holds, and what of it could not be read."""

    read: list["Document"]
    faults: list[Spot]


@dataclass(frozen=True)
class Document:
    """One document: its data, and where everything in it stands."""

    text: Traced
    """What its marks count in."""
    node: yaml.Node
    data: Any
    _inner: dict[int, list["Document"]] = field(default_factory=dict[int, list["Document"]], compare=False)
    """Documents in values of this one that were read already, by the node of the value."""

    def spot(self, finding: Finding) -> Spot:
        """A finding whose path counts from the root, with its place.

        A key that is missing is placed at the group that lacks it. The path may lead on into a value whose
        text is a document itself.
        """
        key, node, rest = _found(self.node, finding.path)
        if rest and isinstance(node, yaml.ScalarNode) and node.style in {"|", ">", '"'}:
            if id(node) not in self._inner:
                composed = _nodes(self.traced(node, ""), [])
                self._inner[id(node)] = [Document(part, root, None) for part, root in composed]
            if inner := self._inner[id(node)]:
                told = finding.at(_under(self.text.origin, finding.path))
                return inner[0].spot(finding.at(rest.lstrip(".")))._replace(finding=told)
        text_on_its_line = isinstance(node, yaml.ScalarNode) and node.style not in {"|", ">"}
        about_value = text_on_its_line and not rest and not finding.code.startswith("unknown")
        shown = node if about_value or key is None else key
        return Spot(finding.at(_under(self.text.origin, finding.path)), *self._span(shown))

    def node_at(self, path: str) -> yaml.Node | None:
        """What stands at a path, if anything does."""
        _, node, rest = _found(self.node, path)
        return None if rest else node

    def traced(self, node: yaml.Node, path: str) -> Traced:
        """The text of a value, as YAML reads it."""
        origin = _under(self.text.origin, path)
        return traced_scalar(self.text, cast("yaml.ScalarNode", node), origin)

    def below(self, node: yaml.Node, data: Any, path: str) -> "Document":
        """What lies at a path, as a document of its own."""
        return Document(replace(self.text, origin=_under(self.text.origin, path)), node, data)

    def _span(self, node: yaml.Node) -> tuple[int, int]:
        return self.text.part(node.start_mark.index, node.end_mark.index).token


def parse(text: Traced) -> Documents:
    """Every document of a text. What follows a broken one is read all the same."""
    found = Documents([], [])
    for part, node in _nodes(text, found.faults):
        try:
            data = _built(node)
        except yaml.YAMLError as error:
            found.faults.append(_fault(part, _index(error), "not-yaml", f"not YAML: {_said(error)}"))
        except (ValueError, LookupError) as error:
            # What PyYAML says of a date that is none, of `!!int` before nothing, of `!!bool maybe`.
            found.faults.append(_fault(part, node.start_mark.index, "not-yaml", f"not YAML: {error}"))
        else:
            found.read.append(Document(part, node, data))
    return found


def is_small(text: str) -> bool:
    """Whether it shows without reading a text that what it holds is neither too large nor too deep."""
    # Each level takes a bracket, or a column; a list may begin in the column of its key.
    columns = max(map(len, INDENTATION.findall(text)), default=0)
    return "*" not in text and 2 * (columns + 1) + text.count("[") + text.count("{") <= DEEPEST


def _nodes(text: Traced, faults: list[Spot]) -> Iterator[tuple[Traced, yaml.Node]]:
    """The documents that may be built, each with the text that its marks count in."""
    while text.value:
        loader: Any = None
        try:
            loader = LOADER(text.value)
            while loader.check_node():
                node = loader.get_node()
                if too_large := _too_large(node, text.value):
                    faults.append(_fault(text, node.start_mark.index, *too_large))
                else:
                    yield text, node
        except yaml.YAMLError as error:
            at = _index(error)
            faults.append(_fault(text, at, "not-yaml", f"not YAML: {_said(error)}"))
            following = NEXT_DOCUMENT.search(text.value, max(1, at))
            text = text.part(following.start() if following else len(text.value), len(text.value))
        else:
            break
        finally:
            if loader is not None:
                loader.dispose()


def parse_json(text: Traced) -> Documents:
    """The one document of a text in JSON."""
    try:
        data = json.loads(text.value)
    except json.JSONDecodeError as error:
        return Documents([], [_fault(text, error.pos, "not-json", f"not JSON: {error.msg}")])
    except RecursionError:
        return Documents([], [_fault(text, 0, "too-deep", f"nested more than {DEEPEST} levels deep")])
    # JSON is YAML but for tabs, which stand in no string.
    found = parse(Traced(text.value.replace("\t", " "), text.offsets, text.token, text.origin))
    return Documents([Document(each.text, each.node, data) for each in found.read[:1]], found.faults)


def entries(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping; none of anything else."""
    if isinstance(node, yaml.MappingNode):
        yield from cast("list[tuple[yaml.Node, yaml.Node]]", node.value)


def items(node: yaml.Node) -> list[yaml.Node]:
    """Entries of a list; none of anything else."""
    return cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else []


_BUILDER = cast("Any", SafeConstructor())
_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    f"{_TAG}null": _BUILDER.construct_yaml_null,
    f"{_TAG}bool": _BUILDER.construct_yaml_bool,
    f"{_TAG}int": _BUILDER.construct_yaml_int,
    f"{_TAG}float": _BUILDER.construct_yaml_float,
}
"""Values that are no texts. All others are, dates and what has a tag of its own (`!reset`) among them."""


def _built(node: yaml.Node) -> Any:
    """The data of a node: as PyYAML's own safe constructor, in a third of the time."""
    if isinstance(node, yaml.ScalarNode):
        make = _SCALARS.get(node.tag)
        return make(node) if make else node.value
    if not isinstance(node, yaml.MappingNode):
        return [_built(item) for item in items(node)]
    if any(key.tag == f"{_TAG}merge" for key, _ in entries(node)):
        _BUILDER.flatten_mapping(node)
    try:
        return {_built(key): _built(value) for key, value in entries(node)}
    except TypeError:
        raise ConstructorError(None, None, "a key that is no plain value", node.start_mark) from None


def _too_large(root: yaml.Node, text: str) -> tuple[str, str] | None:
    """Why a document must not be built: it would never end, or take all memory or stack there is."""
    if is_small(text):
        return None
    return _with_aliases(root) if "*" in text else _without_aliases(root)


def _without_aliases(root: yaml.Node) -> tuple[str, str] | None:
    level, depth = [root], 0
    while level := [child for node in level for child in _children(node)]:
        depth += 1
        if depth > DEEPEST:
            return "too-deep", f"nested more than {DEEPEST} levels deep"
    return None


def _with_aliases(root: yaml.Node) -> tuple[str, str] | None:
    sizes: dict[int, int] = {}
    open_: set[int] = set()
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting[-1]
        below = _children(node)
        if depth > DEEPEST:
            return "too-deep", f"nested more than {DEEPEST} levels deep"
        if id(node) in open_ or not below:
            waiting.pop()
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in below)
            if sizes[id(node)] > MOST_NODES:
                return "too-large", f"more than {MOST_NODES} values once its aliases are written out"
        else:
            open_.add(id(node))
            if any(id(child) in open_ for child in below):
                return "too-deep", "an alias stands inside of what it stands for"
            waiting += [(child, depth + 1) for child in below if id(child) not in sizes]
    return None


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.ScalarNode):
        return []
    return (
        [each for pair in entries(node) for each in pair]
        if isinstance(node, yaml.MappingNode)
        else items(node)
    )


def _found(node: yaml.Node, path: str) -> tuple[yaml.Node | None, yaml.Node, str]:
    """Key and value that a path leads to, as far as it can be followed, and the rest of it."""
    key: yaml.Node | None = None
    while path:
        rest = path.removeprefix(".")
        if isinstance(node, yaml.MappingNode):
            # Keys hold dots themselves. Of two that are the same, YAML takes the later one.
            fitting = [(name, below) for name, below in entries(node) if _begins(rest, name.value)]
            if not fitting:
                return key, node, path
            key, node = max(reversed(fitting), key=lambda pair: len(pair[0].value))
            path = rest[len(key.value) :]
        else:
            match = INDEX.match(rest)
            below = items(node)
            if match is None or int(match.group(1)) >= len(below):
                return key, node, path
            key = node = below[int(match.group(1))]
            path = rest[match.end() :]
    return key, node, ""


def _under(parent: str, path: str) -> str:
    if not parent or not path:
        return parent or path
    return f"{parent}{path}" if path.startswith("[") else f"{parent}.{path}"


def _begins(path: str, key: object) -> bool:
    return isinstance(key, str) and path.startswith(key) and path[len(key) : len(key) + 1] in {"", ".", "["}


def _fault(text: Traced, index: int, code: str, what: str) -> Spot:
    at = text.offsets[min(index, len(text.offsets) - 1)] if text.offsets else text.token[0]
    return Spot(Finding(code=code, path=text.origin, what=what), at, at + 1)


def _index(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.index if mark else int(getattr(error, "position", None) or 0)


def _said(error: yaml.YAMLError) -> str:
    told = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(told).split())
