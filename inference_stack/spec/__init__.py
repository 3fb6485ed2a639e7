"""What may be asked: the environment and the form in which its faults are told."""

from .consistency import environment_findings, gpu_pool_findings, readable, under
from .environment import (
    Adapter,
    Budget,
    Charts,
    ChartSource,
    Cluster,
    ClusterTier,
    CpuPool,
    Environment,
    Governance,
    GpuPool,
    Images,
    Mig,
    MigProfile,
    MigStrategy,
    Model,
    Network,
    Nodes,
    Placement,
    Priority,
    Replicas,
    Unparsed,
)
from .faults import shown, validation_findings
from .finding import Finding, InvalidEnvironment, Severity
from .lines import CONFIG_KEY, located
from .loading import load
from .parsing import Parsed, parse

__all__ = [
    "CONFIG_KEY",
    "Adapter",
    "Budget",
    "ChartSource",
    "Charts",
    "Cluster",
    "ClusterTier",
    "CpuPool",
    "Environment",
    "Finding",
    "Governance",
    "GpuPool",
    "Images",
    "InvalidEnvironment",
    "Mig",
    "MigProfile",
    "MigStrategy",
    "Model",
    "Network",
    "Nodes",
    "Parsed",
    "Placement",
    "Priority",
    "Replicas",
    "Severity",
    "Unparsed",
    "environment_findings",
    "gpu_pool_findings",
    "load",
    "located",
    "parse",
    "readable",
    "shown",
    "under",
    "validation_findings",
]
