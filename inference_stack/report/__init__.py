"""The plan and the catalog for people."""

from .catalog_tables import gpu_table, model_table, sku_table, workload_table
from .difference import markdown_difference, render_difference
from .markdown import markdown, markdown_faults
from .picture import picture
from .terminal import render, show, text

__all__ = [
    "gpu_table",
    "markdown",
    "markdown_difference",
    "markdown_faults",
    "model_table",
    "picture",
    "render",
    "render_difference",
    "show",
    "sku_table",
    "text",
    "workload_table",
]
