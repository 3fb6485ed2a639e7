"""Only models under an allowed licence are served."""

from typing import Any

import yaml
from pulumi_policy import (
    EnforcementLevel,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import LicenceFacts
from inference_stack.planner.rules import licence_allowed as rule
from inference_stack.spec import Governance
from policies.agent_pool import told

RAY_SERVICE = "kubernetes:ray.io/v1:RayService"


def _sources(serve_config: str) -> list[str]:
    applications: list[dict[str, Any]] = yaml.safe_load(serve_config)["applications"]
    return [
        config["model_loading_config"]["model_source"]
        for application in applications
        for config in application.get("args", {}).get("llm_configs", ())
    ]


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != RAY_SERVICE:
        return
    allowed = tuple(args.get_config().get("licences") or Governance().licences)
    for source in _sources(args.props["spec"]["serveConfigV2"]):
        if finding := rule(LicenceFacts(source=source, allowed=allowed), CATALOG):
            report(told(finding), None)


licence_allowed = ResourceValidationPolicy(
    name="licence-allowed",
    description="A model is served only under a licence that the organisation allows.",
    validate=_validate,
    enforcement_level=EnforcementLevel.MANDATORY,
)
