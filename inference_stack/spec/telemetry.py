"""What is recorded of an environment, and who is told."""

from typing import Literal

from pydantic import Field

from .names import ActionGroupId
from .section import Section

Diagnostic = Literal[
    "cloud-controller-manager",
    "cluster-autoscaler",
    "guard",
    "kube-apiserver",
    "kube-audit",
    "kube-audit-admin",
    "kube-controller-manager",
    "kube-scheduler",
]
"""Logs of the control plane that AKS sends to a workspace."""


class Telemetry(Section):
    """What is recorded of the cluster, and for how long."""

    retention_days: int = Field(
        default=30, ge=30, le=730, description="Days for which the workspace keeps logs."
    )
    diagnostics: tuple[Diagnostic, ...] = Field(
        default=("cluster-autoscaler", "guard", "kube-audit-admin", "kube-controller-manager"),
        description="Logs of the control plane that are sent to the workspace; each is billed by volume.",
    )
    metrics: bool = Field(
        default=False,
        description="Whether Azure's managed Prometheus reads models, GPUs and gateway, and its alerts watch "
        "them; billed by sample.",
    )
    grafana: bool = Field(
        default=False,
        description="Whether there is a managed Grafana to show them; needs `metrics`, billed by the hour.",
    )
    action_group: ActionGroupId | None = Field(
        default=None,
        description="Whom alerts tell; needs `metrics`. Left out, they are on Azure's page alone.",
    )
