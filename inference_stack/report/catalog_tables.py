"""The catalog for people. A figure that nobody confirmed carries a question mark."""

from rich.table import Table

from inference_stack.catalog import Catalog, ModelRow, Sku


def sku_table(catalog: Catalog) -> Table:
    """Azure sizes with their GPUs, how AKS cuts them, and price."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("size", no_wrap=True)
    table.add_column("vCPU", justify="right")
    table.add_column("GiB", justify="right")
    table.add_column("GPUs")
    table.add_column("slices 1g/2g/3g/4g/7g")
    table.add_column("USD/h", justify="right")
    for sku in catalog.skus.values():
        slices = "/".join(str(row.per_gpu) for row in catalog.profiles(sku.name))
        gpus = f"{sku.gpus} × {sku.gpu}" if sku.gpu else ""
        table.add_row(sku.name, str(sku.vcpu), str(sku.memory_gib), gpus, slices, _usd(sku))
    return table


def model_table(catalog: Catalog) -> Table:
    """Checkpoints with what decides where they fit and whether they may be served."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    for column in ("weights GiB", "context"):
        table.add_column(column, justify="right")
    for column in ("licence", "origin", "gated"):
        table.add_column(column)
    for row in catalog.models.values():
        weights = f"{row.weights_gib:.1f} {row.weights_dtype}"
        table.add_row(row.id, weights, str(row.max_position_embeddings), row.licence, row.origin, _gated(row))
    return table


def _usd(sku: Sku) -> str:
    if sku.usd_per_hour is None:
        return "unknown"
    return f"{sku.usd_per_hour:.2f}" + ("" if sku.price_verified else "?")


def _gated(row: ModelRow) -> str:
    return {True: "yes", False: "no", None: "?"}[row.gated]
