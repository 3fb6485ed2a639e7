"""An environment as a file, with a comment where its reader must know more."""

from collections.abc import Mapping
from typing import Any

import yaml

from inference_stack.spec import Finding, located
from inference_stack.spec.libyaml import DUMPER
from inference_stack.spec.lines import CONFIG_KEY


def written(content: Mapping[str, Any], comments: Mapping[str, str], title: str) -> str:
    """The text of a Pulumi.<env>.yaml; a comment whose key is not there is left out."""
    document = {"config": {CONFIG_KEY: content}}
    text = yaml.dump(document, Dumper=DUMPER, sort_keys=False, default_flow_style=False, width=1000)
    lines = text.splitlines()
    there = (path for path in comments if _has(content, path))
    for placed in located((Finding(code="comment", path=path, what=comments[path]) for path in there), text):
        if placed.line is not None:
            lines[placed.line - 1] += f" # {placed.what}"
    return "\n".join([f"# {title}", *lines, ""])


def _has(content: Mapping[str, Any], path: str) -> bool:
    value: Any = content
    for step in path.replace("[", ".[").split("."):
        try:
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True
