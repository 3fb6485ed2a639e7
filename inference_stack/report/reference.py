"""docs/configuration.md: every key that an environment may have, as the spec itself describes it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from inference_stack.spec import Environment
from inference_stack.spec.schema import FORM, Node, allowed

DOCS = Path(__file__).parents[2] / "docs"

HEAD = """\
# Configuration

<!-- Written by `make reference` from inference_stack/spec and docs/environment.yaml. -->

An environment is the key `inference-stack:environment` of `Pulumi.<env>.yaml`. A key that is not listed here
is an error, and so is a value of another kind: nothing is converted, so that `"5"` is no number and `1.35` is
no version. Everything that is wrong is told at once, with its line and with what is allowed there; see
[findings](findings.md) for what each of them means, and for keys that contradict one another.

An environment with every key in it:
"""

ROWS = "| key | what may stand there | left out | meaning |\n|---|---|---|---|"


def reference(example: str) -> str:
    """The page, with an example of a whole environment in it."""
    groups: defaultdict[type[BaseModel], list[str]] = defaultdict(list)
    nodes: dict[type[BaseModel], Node] = {}
    for path, node, section in _sections("", Node.of(Environment), Environment):
        groups[section].append(path)
        nodes[section] = node
    titles = {section.__name__: _title(paths) for section, paths in groups.items()}
    parts = [HEAD, f"```yaml\n{example.rstrip()}\n```\n"]
    parts += [_part(titles, nodes[section], section) for section in groups]
    return "\n".join(parts)


def _sections(path: str, node: Node, section: type[BaseModel]) -> Iterator[tuple[str, Node, type[BaseModel]]]:
    """Every group of keys with its path, those above before those below."""
    yield path, node, section
    for name, field in section.model_fields.items():
        below, several = _inside(node.child(name))
        if below is not None:
            there = f"{path}.{name}".removeprefix(".") + ("[]" if several else "")
            yield from _sections(there, below, next(_class(field.annotation, below.name)))


def _inside(node: Node) -> tuple[Node | None, bool]:
    """The group of keys that a value is or lists, and whether it lists them."""
    if node.section:
        return node.section, False
    return (node.sequence.child(0).section, True) if node.sequence else (None, False)


def _class(annotation: object, name: str) -> Iterator[type[BaseModel]]:
    """The class of that name in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation.__name__ == name:
        yield annotation
    for part in get_args(annotation):
        yield from _class(part, name)


def _title(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths) if paths[0] else "The environment"


def _part(titles: dict[str, str], node: Node, section: type[BaseModel]) -> str:
    rows: list[str] = []
    for name, field in section.model_fields.items():
        cells = (
            f"`{name}`",
            _kind(node.child(name), titles),
            _default(field),
            _cell(field.description or ""),
        )
        rows.append(f"| {' | '.join(cells)} |")
    about = cleandoc(section.__doc__ or "")
    return "\n".join([f"## {titles[section.__name__]}", "", about, "", ROWS, *rows, ""])


def _kind(node: Node, titles: dict[str, str]) -> str:
    """What may stand at a node, with links to the groups of keys."""
    return ", or ".join(
        _one(member, titles) for member in sorted(node.members, key=lambda each: bool(each.name))
    )


def _one(node: Node, titles: dict[str, str]) -> str:
    schema = node.schema
    if node.name in titles:
        title = titles[node.name]
        return f"[keys](#{_anchor(title)})"
    if schema.get("type") == "array":
        least = f" of at least {schema['minItems']}" if "minItems" in schema else ""
        return f"a list{least}: {_kind(node.child(0), titles)}"
    if "pattern" in schema and FORM not in schema:
        return f"text: `{_cell(schema['pattern'])}`"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"names, each with {_kind(node.child('*'), titles)}"
    return _cell(allowed(node._replace(description="")))


def _anchor(title: str) -> str:
    """The address that a heading gets where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value: object = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "nothing"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_unset=True)
        if not value:
            return "its defaults"
    return f"`{_flow(to_jsonable_python(value))}`"


def _flow(value: object) -> str:
    """A default as YAML writes it on one line."""
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return "{ " + ", ".join(f"{key}: {_flow(each)}" for key, each in pairs) + " }" if pairs else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, cast("list[object]", value))) + "]"
    bare = isinstance(value, str) and not re.fullmatch(r"[\d.]+", value)
    return str(value) if bare else json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written() -> str:
    """The page as it must lie in docs/."""
    return reference((DOCS / "environment.yaml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    (DOCS / "configuration.md").write_text(written(), encoding="utf-8")
