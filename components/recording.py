"""What of a plan says how its cluster is recorded, handed to the components that do it."""

from collections.abc import Sequence

import pulumi

from components.cluster import Cluster
from components.foundation import Foundation
from components.scraping import Scraping
from components.telemetry import Telemetry, TelemetryArgs
from inference_stack.planner import Plan
from inference_stack.telemetry import groups


def record(
    name: str,
    plan: Plan,
    foundation: Foundation,
    cluster: Cluster,
    namespaces: Sequence[str],
    inside: pulumi.ResourceOptions,
    outside: pulumi.ResourceOptions,
) -> None:
    """Have the stack's own cluster read, where the plan says so.

    Args:
        name: of the stack.
        plan: says what is recorded, and what the rules compare with.
        foundation: where Azure's resources lie.
        cluster: which is read.
        namespaces: where its models are.
        inside: options of what is made in the cluster.
        outside: options of what is made in Azure.
    """
    asked, images = plan.environment.telemetry, plan.environment.images
    if not asked.metrics:
        return
    Scraping(
        "scraping", {"namespaces": namespaces, "image": images.pulled(images.dcgm_exporter)}, opts=inside
    )
    args: TelemetryArgs = {
        "region": plan.environment.region,
        "resource_group_name": foundation.resource_group_name,
        "cluster_id": cluster.id,
        "cluster_name": cluster.name,
        "groups": groups(plan),
        "grafana": asked.grafana,
        "tags": plan.environment.tags,
    }
    if asked.action_group is not None:
        args["action_group_id"] = asked.action_group
    Telemetry(name, args, opts=outside)
