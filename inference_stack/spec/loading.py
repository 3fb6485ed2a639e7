"""From plain data to a whole environment, or to every fault that can be seen without the catalog."""

from collections.abc import Mapping
from typing import Any

from .consistency import environment_findings
from .environment import Environment
from .finding import InvalidEnvironment
from .lines import located
from .parsing import parse


def load(data: Mapping[str, Any], *, file: str, text: str | None = None) -> Environment:
    """The environment that `data` asks for.

    `text` is the content of `file`, if lines are wanted. Raises InvalidEnvironment with all faults of form
    and all contradictions between the parts that could be read.
    """
    environment, findings = parse(data)
    findings = (*findings, *environment_findings(environment))
    if findings:
        raise InvalidEnvironment(file, located(findings, text))
    return environment
