"""No RayService asks KubeRay, Ray Serve or vLLM for what they refuse."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from inference_stack.engine import check_ray_service
from inference_stack.spec import Severity
from policies.agent_pool import told

RAY_SERVICE = "kubernetes:ray.io/v1:RayService"


def _plain(value: object) -> Any:
    """What a proxy stands for. Raises UnknownValueError where a value is known after the update alone."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in cast("Sequence[object]", value)]
    # The engine sends every number as a float.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != RAY_SERVICE:
        return
    given = args.props
    manifest = {key: _plain(given[key]) for key in ("apiVersion", "kind", "metadata", "spec") if key in given}
    for finding in check_ray_service(manifest):
        if finding.severity is Severity.ERROR:
            report(told(finding), None)


engine_arguments_valid = ResourceValidationPolicy(
    name="engine-arguments-valid",
    description="A service asks KubeRay, Ray Serve and vLLM only for what they take.",
    validate=_validate,
    enforcement_level=EnforcementLevel.MANDATORY,
)
