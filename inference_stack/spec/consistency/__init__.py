"""Contradictions inside an environment that need no catalog to be seen: one module for each concern."""

from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding

from .access import access_findings
from .cluster import cluster_findings
from .gateway import gateway_findings
from .models import EDGE, models_findings
from .network import network_findings
from .pools import gpu_pool_findings, pools_findings
from .reservations import reservation_findings
from .rules import readable, under
from .sources import source_findings, unpublished_findings
from .subscription import subscription_findings

__all__ = [
    "EDGE",
    "environment_findings",
    "gpu_pool_findings",
    "readable",
    "under",
    "unpublished_findings",
]

CONCERNS = (
    subscription_findings,
    network_findings,
    access_findings,
    cluster_findings,
    pools_findings,
    reservation_findings,
    models_findings,
    gateway_findings,
    source_findings,
)


def environment_findings(environment: Environment) -> Iterator[Finding]:
    """Every contradiction between parts of the environment that could be read."""
    for concern in CONCERNS:
        yield from concern(environment)
