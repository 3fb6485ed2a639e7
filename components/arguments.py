"""From arguments as they cross the plugin boundary to checked, frozen settings."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import pulumi
from pydantic import BaseModel, ValidationError

from inference_stack.spec import Finding, Severity, validation_findings

Settings = TypeVar("Settings", bound=BaseModel)


def checked(
    settings: type[Settings],
    given: Mapping[str, Any],
    *,
    renamed: Mapping[str, str] | None = None,
    findings: Callable[[Settings], Iterable[Finding]],
) -> Settings:
    """The settings, or every fault of the arguments at once.

    `renamed` maps a field of the settings to the argument's name. Raises pulumi.InputPropertiesError.
    """
    try:
        made = settings.model_validate(dict(given))
    except ValidationError as error:
        wrong = list(validation_findings(error, settings, given))
    else:
        wrong = [finding for finding in findings(made) if finding.severity is Severity.ERROR]
        if not wrong:
            return made
    raise pulumi.InputPropertiesError(
        f"{len(wrong)} wrong argument{'s' * (len(wrong) != 1)}",
        [
            {"property_path": _argument(finding.path, renamed or {}), "reason": _reason(finding)}
            for finding in wrong
        ],
    )


def _argument(path: str, renamed: Mapping[str, str]) -> str:
    first, dot, rest = path.partition(".")
    return renamed.get(first, first) + dot + rest


def _reason(finding: Finding) -> str:
    allowed = "" if finding.allowed is None else f"; allowed: {finding.allowed}"
    return finding.what + allowed
