"""The `inference-stack` command: the planner without an engine."""

from . import catalog, fit, lint, plan, throughput
from .app import app

__all__ = ["app", "catalog", "fit", "lint", "plan", "throughput"]
