"""What is known: Azure sizes, GPUs, MIG profiles, models, licences and prices, each with source and date."""

from .catalog import CATALOG, Catalog, Reservation
from .data_files import CatalogError
from .model import ModelRow
from .rows import Gpu, MigRow, Row, Sku, StartupStep

__all__ = [
    "CATALOG",
    "Catalog",
    "CatalogError",
    "Gpu",
    "MigRow",
    "ModelRow",
    "Reservation",
    "Row",
    "Sku",
    "StartupStep",
]
