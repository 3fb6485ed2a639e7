"""What is known: Azure sizes, GPUs, MIG profiles, models, licences and prices, each with source and date."""

from .catalog import CATALOG, Catalog, Reservation
from .rows import Gpu, MigRow, ModelRow, Row, Sku

__all__ = ["CATALOG", "Catalog", "Gpu", "MigRow", "ModelRow", "Reservation", "Row", "Sku"]
