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
    raise refused(
        finding.model_copy(update={"path": _argument(finding.path, renamed or {})}) for finding in wrong
    )


def refused(findings: Iterable[Finding], under: str = "") -> pulumi.InputPropertiesError:
    """The error that tells all of them by path; `under` is the argument in which they lie."""
    errors: list[pulumi.InputPropertyErrorDetails] = [
        {
            "property_path": f"{under}.{finding.path}" if under else finding.path,
            "reason": _reason(finding),
        }
        for finding in findings
        if finding.severity is Severity.ERROR
    ]
    # In process only the message is printed, so it says everything too.
    told = "\n".join(f"  {error['property_path']}: {error['reason']}" for error in errors)
    return pulumi.InputPropertiesError(f"wrong arguments\n{told}", errors)


def _argument(path: str, renamed: Mapping[str, str]) -> str:
    first, dot, rest = path.partition(".")
    return renamed.get(first, first) + dot + rest


def _reason(finding: Finding) -> str:
    allowed = "" if finding.allowed is None else f"; allowed: {finding.allowed}"
    return finding.what + allowed
