"""Finds the lines of a YAML file on which findings stand."""

import re
from collections.abc import Iterable, Iterator
from typing import cast

import yaml

from .finding import Finding
from .libyaml import LOADER

CONFIG_KEY = "inference-stack:environment"


def located(findings: Iterable[Finding], text: str | None) -> tuple[Finding, ...]:
    """The findings with their lines, in the order of the file; as given where there is no text.

    `text` is that of a Pulumi.<env>.yaml. A key that is missing is placed at the group that lacks it.
    """
    if text is None:
        return tuple(findings)
    document = cast("yaml.Node | None", yaml.compose(text, LOADER))  # pyright: ignore[reportUnknownMemberType]
    root = _environment_node(document)
    placed = [finding.model_copy(update={"line": _line(root, finding.path)}) for finding in findings]
    return tuple(sorted(placed, key=lambda finding: finding.line or 0))


def _environment_node(document: yaml.Node | None) -> tuple[yaml.Node, int] | None:
    place = None if document is None else (document, 1)
    for key in ("config", CONFIG_KEY):
        place = place and _step(place[0], key)
    return place


def _line(root: tuple[yaml.Node, int] | None, path: str) -> int | None:
    if root is None:
        return None
    node, line = root
    for key in _keys(path):
        below = _step(node, key)
        if below is None:
            break
        node, line = below
    return line


def _keys(path: str) -> Iterator[str | int]:
    for quoted, index, key in re.findall(r'\["(.*?)"\]|\[(\d+)\]|([\w-]+)', path):
        yield int(index) if index else quoted or key


def _step(node: yaml.Node, key: str | int) -> tuple[yaml.Node, int] | None:
    """The node below a key or an index, and the line on which it begins."""
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.ScalarNode, yaml.Node]] = node.value
        return next((_with_line(below, name) for name, below in pairs if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        items: list[yaml.Node] = node.value
        return _with_line(items[key], items[key]) if key < len(items) else None
    return None


def _with_line(node: yaml.Node, begins: yaml.Node) -> tuple[yaml.Node, int]:
    return node, begins.start_mark.line + 1
