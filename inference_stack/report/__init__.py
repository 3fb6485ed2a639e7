"""The plan and the catalog for people."""

from .catalog_tables import model_table, sku_table
from .terminal import render, text

__all__ = ["model_table", "render", "sku_table", "text"]
