"""The `inference-stack` command: the planner without an engine."""

from . import catalog, fit, plan
from .app import app

__all__ = ["app", "catalog", "fit", "plan"]
