"""The `inference-stack` command: the planner without an engine."""

from . import catalog, engine, fit, importing, lint, plan, telemetry, throughput
from .app import app

__all__ = ["app", "catalog", "engine", "fit", "importing", "lint", "plan", "telemetry", "throughput"]
