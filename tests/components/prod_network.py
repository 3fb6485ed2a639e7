"""The network policies that prod should have, from its plan."""

from typing import Any

from components.network_policies import (
    UNKNOWN,
    exporter_policy,
    gateway_policies,
    kuberay_policies,
    own_ranges,
    service_policy,
    serving_policies,
)
from inference_stack.planner import Plan, services


def network_policies(plan: Plan) -> list[dict[str, Any]]:
    """Of both clusters: the namespaces of the models, of KubeRay and of the gateway, every service, GPUs."""
    ranges = own_ranges(plan.environment)
    existing = {pool.name for pool in plan.pools if pool.existing}
    return [
        *serving_policies("inference", ranges),
        *serving_policies("inference-prod", UNKNOWN),
        *(
            service_policy(
                "inference-prod" if service.models[0].pool in existing else "inference", service.name
            )
            for service in services(plan.models)
        ),
        *kuberay_policies(ranges),
        *gateway_policies(ranges, "inference"),
        exporter_policy(),
    ]
