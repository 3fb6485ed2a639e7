"""Our own environments: what planning them says."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import PurePath
from typing import Any, cast

from inference_stack.spec import Finding, InvalidEnvironment
from inference_stack.spec.lines import CONFIG_KEY

from .documents import Document
from .source import Spot

ROOT = f"config.{CONFIG_KEY}"


def environment_spots(document: Document, name: str) -> Iterator[Spot]:
    """Everything that a plan says of the environment of a Pulumi.<env>.yaml, the file of that name."""
    for finding in _findings(document, name):
        # In such a file, paths count from the environment.
        placed = document.spot(finding.under(ROOT))
        yield placed._replace(finding=finding)


def _findings(document: Document, name: str) -> tuple[Finding, ...]:
    # Planning reads the whole catalog, which the other kinds of files do without.
    from inference_stack.planner import plan_environment

    parts = PurePath(name).name.split(".")
    environment = parts[1] if len(parts) > 2 else "environment"
    data: Any = document.data["config"][CONFIG_KEY]
    if not isinstance(data, Mapping):
        what = "an environment is a group of keys"
        return (Finding(code="wrong-type", path="", given=str(data), what=what),)
    data = cast("Mapping[str, Any]", data)
    try:
        return plan_environment(data, name=environment, file=name, text=None, today=date.today()).findings
    except InvalidEnvironment as wrong:
        return wrong.findings
