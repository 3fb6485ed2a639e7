"""One Ray Serve service on KubeRay: the unit that upgrades alone."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.network_policies import NetworkPolicies, service_policy
from inference_stack.engine import SERVICE_LABEL, check_ray_service
from inference_stack.spec import Severity


class RayServeArgs(TypedDict):
    """What a Ray Serve service needs."""

    manifest: Mapping[str, Any]
    """Required. RayService manifest, as `inference_stack.engine.ray_service` makes it."""


class RayServe(pulumi.ComponentResource):
    """A RayService, checked against the pinned schemas, a disruption budget and the network of its pods."""

    name: pulumi.Output[str]
    """Name of the RayService."""

    def __init__(self, name: str, args: RayServeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Check the manifest, since a preview without a cluster cannot, then register it."""
        super().__init__("inference-stack:index:RayServe", name, {}, opts)
        manifest = args["manifest"]
        findings = check_ray_service(manifest)
        if wrong := [finding for finding in findings if finding.severity is Severity.ERROR]:
            raise pulumi.RunError("\n\n".join(finding.render(f"RayService {name}") for finding in wrong))
        for finding in findings:
            if finding.severity is Severity.WARNING:
                pulumi.log.warn(finding.render(f"RayService {name}"), self)
        metadata = manifest["metadata"]
        service = kubernetes.apiextensions.CustomResource(
            f"{name}-service",
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            metadata=metadata,
            spec=manifest["spec"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        NetworkPolicies(
            f"{name}-network",
            {"policies": [service_policy(metadata["namespace"], metadata["name"])]},
            opts=pulumi.ResourceOptions(parent=self),
        )
        budget: Any = {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {SERVICE_LABEL: metadata["name"]}},
        }
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata={"name": metadata["name"], "namespace": metadata["namespace"]},
            spec=budget,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = service.id.apply(lambda _: metadata["name"])
        self.register_outputs({"name": self.name})
