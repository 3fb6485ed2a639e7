"""What Ray and Kubernetes are sent, typed for the pinned versions, and the check that they will take it."""

from .applications import DRAIN_S, SIDES, ServeConfig
from .check import (
    ALONE,
    check_ray_service,
    engine_argument_findings,
    llm_config_findings,
    pod_findings,
    ray_cluster_findings,
    serve_config_findings,
)
from .ray_service import (
    LICENCE_ANNOTATION,
    NETWORK_LABEL,
    PORTS,
    SERVICE_LABEL,
    HeadGroup,
    RayService,
    WorkerGroup,
    pod_security,
    ray_service,
    read_only_image,
)
from .serve_config import (
    INGRESS_MAX_REPLICAS,
    INGRESS_TARGET_REQUESTS,
    START_BUDGET_S,
    Adapters,
    ServedModel,
    disaggregated_config,
    serve_config,
)

__all__ = [
    "ALONE",
    "DRAIN_S",
    "INGRESS_MAX_REPLICAS",
    "INGRESS_TARGET_REQUESTS",
    "LICENCE_ANNOTATION",
    "NETWORK_LABEL",
    "PORTS",
    "SERVICE_LABEL",
    "SIDES",
    "START_BUDGET_S",
    "Adapters",
    "HeadGroup",
    "RayService",
    "ServeConfig",
    "ServedModel",
    "WorkerGroup",
    "check_ray_service",
    "disaggregated_config",
    "engine_argument_findings",
    "llm_config_findings",
    "pod_findings",
    "pod_security",
    "ray_cluster_findings",
    "ray_service",
    "read_only_image",
    "serve_config",
    "serve_config_findings",
]
