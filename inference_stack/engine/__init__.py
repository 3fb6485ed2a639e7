"""What Ray and Kubernetes are sent, typed for the pinned versions, and the check that they will take it."""

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
    "ray_service",
    "serve_config",
]
