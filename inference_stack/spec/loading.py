"""From a file or plain data to a whole environment, or to every fault that shows without the catalog."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from .consistency import environment_findings
from .environment import Environment
from .finding import Finding, InvalidEnvironment, Severity
from .lines import CONFIG_KEY, located
from .parsing import parse


def load(data: Mapping[str, Any], *, file: str, text: str | None = None) -> Environment:
    """The environment that `data` asks for.

    `text` is the content of `file`, if lines are wanted. Raises InvalidEnvironment with all faults of form
    and all contradictions between the parts that could be read.
    """
    environment, findings = parse(data)
    found = environment_findings(environment)
    findings = (*findings, *(each for each in found if each.severity is Severity.ERROR))
    if findings:
        raise InvalidEnvironment(file, located(findings, text))
    return environment


class Source(NamedTuple):
    """What a file holds under `inference-stack:environment`, and its whole text."""

    data: Mapping[str, Any]
    text: str


def read(file: Path) -> Source:
    """Read a Pulumi.<env>.yaml. Raises InvalidEnvironment if there is no environment in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        others = ", ".join(sorted(str(other) for other in file.parent.glob("Pulumi.*.yaml")))
        raise _unreadable(file, "no-file", f"cannot be read: {error}", others or None) from None
    try:
        document: Any = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _unreadable(file, "no-yaml", f"is no YAML: {error.problem}", line=line) from None
    try:
        data = document["config"][CONFIG_KEY]
    except (KeyError, TypeError):
        what, allowed = "is not there", f"keys below config: and {CONFIG_KEY}:"
        raise _unreadable(file, "no-environment", what, allowed) from None
    return Source(data, text)


def _unreadable(
    file: Path, code: str, what: str, allowed: str | None = None, line: int | None = None
) -> InvalidEnvironment:
    finding = Finding(code=code, path="environment", what=what, allowed=allowed, line=line)
    return InvalidEnvironment(str(file), [finding])
