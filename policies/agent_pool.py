"""What the rules read off an AKS node pool."""

import re
from collections.abc import Callable, Iterable

from pulumi_policy import (
    EnforcementLevel,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.planner.rules import GpuPoolFacts
from inference_stack.spec import Finding

AGENT_POOL = re.compile(r"^azure-native:containerservice(/v\w+)?:AgentPool$")


def pool_policy(
    name: str, demand: str, judge: Callable[[GpuPoolFacts, Catalog], Iterable[Finding]]
) -> ResourceValidationPolicy:
    """A mandatory policy on node pools, from the rule that the planner applies too."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if AGENT_POOL.match(args.resource_type):
            for finding in judge(_facts(args), CATALOG):
                report(told(finding), None)

    return ResourceValidationPolicy(
        name=name, description=demand, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def told(finding: Finding) -> str:
    """A finding as a policy violation: what is wrong, what is allowed, what to do."""
    parts = [f"{finding.path} = {finding.given}: {finding.what}"]
    if finding.allowed:
        parts.append(f"allowed: {finding.allowed}")
    if finding.remedy:
        parts.append(f"do: {finding.remedy}")
    return "\n".join(parts)


def _facts(args: ResourceValidationArgs) -> GpuPoolFacts:
    props = args.props
    return GpuPoolFacts(
        vm_size=props["vmSize"],
        gpu_instance_profile=props.get("gpuInstanceProfile"),
        node_taints=tuple(props.get("nodeTaints") or ()),
        tags=dict(props.get("tags") or {}),
        min_count=int(props.get("minCount") or 0),
    )
