"""Only models under an allowed licence are served."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pulumi_policy import (
    EnforcementLevel,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from inference_stack.catalog import CATALOG
from inference_stack.engine import LICENCE_ANNOTATION, SIDES
from inference_stack.planner.rules import LicenceFacts
from inference_stack.planner.rules import licence_allowed as rule
from inference_stack.spec import Governance
from policies.agent_pool import told

RAY_SERVICE = "kubernetes:ray.io/v1:RayService"


def _sources(serve_config: str) -> Iterator[str]:
    """Where the weights of each model come from; what names none is loaded by its id."""
    applications: list[dict[str, Any]] = yaml.safe_load(serve_config)["applications"]
    for application in applications:
        arguments: dict[str, Any] = application.get("args") or {}
        sides = [arguments[side] for side in SIDES if side in arguments]
        for config in (*arguments.get("llm_configs", ()), *sides):
            loading: dict[str, Any] = config["model_loading_config"]
            source: Any = loading.get("model_source") or loading["model_id"]
            yield source if isinstance(source, str) else source["bucket_uri"]


def _annotations(props: Mapping[str, Any]) -> Mapping[str, Any]:
    return (props.get("metadata") or {}).get("annotations") or {}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != RAY_SERVICE:
        return
    allowed = tuple(args.get_config().get("licences") or Governance().licences)
    claimed = _annotations(args.props).get(LICENCE_ANNOTATION)
    for source in _sources(args.props["spec"]["serveConfigV2"]):
        if finding := rule(LicenceFacts(source=source, claimed=claimed, allowed=allowed), CATALOG):
            report(told(finding), None)


licence_allowed = ResourceValidationPolicy(
    name="licence-allowed",
    description="A model is served only under a licence that the organisation allows.",
    validate=_validate,
    enforcement_level=EnforcementLevel.MANDATORY,
)
