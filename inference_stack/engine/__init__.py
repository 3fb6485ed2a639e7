"""What Ray and Kubernetes are sent, typed for the pinned versions, and the check that they will take it."""

from .check import check_ray_service
from .ray_service import SERVICE_LABEL, HeadGroup, RayService, WorkerGroup, ray_service
from .serve_config import Adapters, ServeConfig, ServedModel, serve_config

__all__ = [
    "SERVICE_LABEL",
    "Adapters",
    "HeadGroup",
    "RayService",
    "ServeConfig",
    "ServedModel",
    "WorkerGroup",
    "check_ray_service",
    "ray_service",
    "serve_config",
]
