"""What is known: Azure sizes, GPUs, MIG profiles, models, licences and prices, each with source and date."""

from .age import Stale
from .catalog import CATALOG, Catalog, Reservation
from .data_files import CatalogError
from .model import ModelRow
from .own import OwnRow, own_row
from .rows import Gpu, KubernetesVersion, MigRow, Region, Row, Sku, StartupStep
from .workload import Candidate, EdgeFormat, Workload

__all__ = [
    "CATALOG",
    "Candidate",
    "Catalog",
    "CatalogError",
    "EdgeFormat",
    "Gpu",
    "KubernetesVersion",
    "MigRow",
    "ModelRow",
    "OwnRow",
    "Region",
    "Reservation",
    "Row",
    "Sku",
    "Stale",
    "StartupStep",
    "Workload",
    "own_row",
]
