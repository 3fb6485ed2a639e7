"""What may be asked: the environment and the form in which its faults are told."""

from .consistency import EDGE, environment_findings, gpu_pool_findings, readable, under
from .demand import Isolation, Precision, Slo, Traffic
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
)
from .faults import shown, validation_findings
from .finding import Finding, InvalidEnvironment, Severity
from .lines import CONFIG_KEY, located
from .loading import Source, load, read
from .parsing import Parsed, parse
from .section import Section, Unparsed, is_whole

__all__ = [
    "CONFIG_KEY",
    "EDGE",
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
    "Isolation",
    "Mig",
    "MigProfile",
    "MigStrategy",
    "Model",
    "Network",
    "Nodes",
    "Parsed",
    "Placement",
    "Precision",
    "Priority",
    "Replicas",
    "Section",
    "Severity",
    "Slo",
    "Source",
    "Traffic",
    "Unparsed",
    "environment_findings",
    "gpu_pool_findings",
    "is_whole",
    "load",
    "located",
    "parse",
    "read",
    "readable",
    "shown",
    "under",
    "validation_findings",
]
