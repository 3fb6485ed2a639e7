"""What may be asked: the environment and the form in which its faults are told."""

from .cluster import HEADS_POOL, MOST_POOLS, OWN_POOLS, SYSTEM_POOL, Cluster, ClusterTier, CpuPool, Nodes
from .consistency import EDGE, environment_findings, gpu_pool_findings, readable, under, unpublished_findings
from .demand import Isolation, Precision, Slo, Traffic
from .environment import Budget, Environment
from .faults import shown, validation_findings
from .finding import Finding, InvalidEnvironment, Severity
from .gateway import Entra, Gateway, GatewayTenant
from .governance import Governance, Industry, Waiver
from .lines import CONFIG_KEY, located
from .loading import Source, load, read
from .models import Adapter, Model, OwnModel, Placement, Replicas
from .names import family
from .network import Access, Deployer, Network, Principal, Route
from .parsing import Parsed, parse
from .pools import CapacityReservation, GpuPool, Mig, MigProfile, MigStrategy, Priority
from .section import Section, Unparsed, is_whole
from .sources import Charts, ChartSource, Images
from .telemetry import Telemetry
from .weights import Weights

__all__ = [
    "CONFIG_KEY",
    "EDGE",
    "HEADS_POOL",
    "MOST_POOLS",
    "OWN_POOLS",
    "SYSTEM_POOL",
    "Access",
    "Adapter",
    "Budget",
    "CapacityReservation",
    "ChartSource",
    "Charts",
    "Cluster",
    "ClusterTier",
    "CpuPool",
    "Deployer",
    "Entra",
    "Environment",
    "Finding",
    "Gateway",
    "GatewayTenant",
    "Governance",
    "GpuPool",
    "Images",
    "Industry",
    "InvalidEnvironment",
    "Isolation",
    "Mig",
    "MigProfile",
    "MigStrategy",
    "Model",
    "Network",
    "Nodes",
    "OwnModel",
    "Parsed",
    "Placement",
    "Precision",
    "Principal",
    "Priority",
    "Replicas",
    "Route",
    "Section",
    "Severity",
    "Slo",
    "Source",
    "Telemetry",
    "Traffic",
    "Unparsed",
    "Waiver",
    "Weights",
    "environment_findings",
    "family",
    "gpu_pool_findings",
    "is_whole",
    "load",
    "located",
    "parse",
    "read",
    "readable",
    "shown",
    "under",
    "unpublished_findings",
    "validation_findings",
]
