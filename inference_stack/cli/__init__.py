"""The `inference-stack` command: the planner without an engine."""

from . import catalog, plan
from .app import app

__all__ = ["app", "catalog", "plan"]
