"""The catalog for people. A figure that nobody confirmed carries a question mark."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from inference_stack.catalog import Catalog, Gpu, ModelRow, Sku, Workload
from inference_stack.planner.checkpoint import checkpoint
from inference_stack.planner.edge import edge_need

EDGE_CONTEXT = 4096
"""Tokens at which the memory of a model on a device is told."""


def sku_table(catalog: Catalog) -> Table:
    """Azure sizes with their GPUs, how AKS cuts them, their links and prices."""
    table = _table(
        "size", "GPUs", "slices 1g/2g/3g/4g/7g", right=("vCPU", "GiB", "NVLink", "out", "USD/h", "1 year")
    )
    for sku in catalog.skus.values():
        slices = "/".join(str(row.per_gpu) for row in catalog.profiles(sku.name))
        gpus = f"{sku.gpus} × {sku.gpu}" if sku.gpu else ""
        table.add_row(
            Text(sku.name, style="" if sku.new_capacity else "dim"),
            gpus,
            slices,
            str(sku.vcpu),
            str(sku.memory_gib),
            _number(sku.nvlink_gb_s),
            _number(sku.scale_out_gb_s),
            _usd(sku),
            _money(sku.reserved_1y_usd_per_hour),
        )
    table.caption = (
        "NVLink: of a GPU to its node, GB/s in both directions. Out: InfiniBand of a GPU, GB/s in one.\n"
        "1 year: USD/h reserved. Dim: Azure adds no new capacity. A price is no promise of capacity."
    )
    return table


def gpu_table(rows: Iterable[Gpu]) -> Table:
    """GPUs with what decides memory and speed."""
    table = _table(
        "GPU", "architecture", right=("GiB", "TB/s", "bf16", "fp8", "fp4", "int8", "SM", "NVLink", "PCIe")
    )
    for row in rows:
        rates = (row.bf16_tflops, row.fp8_tflops, row.fp4_tflops, row.int8_tops)
        table.add_row(
            row.name + ("" if row.verified else "?"),
            row.architecture,
            f"{row.memory_gib:.2f}",
            f"{row.bandwidth_tb_s:g}",
            *map(_number, rates),
            str(row.sm),
            _number(row.link_gb_s),
            _number(row.pcie_gb_s),
        )
    table.caption = (
        "GiB as torch sees them. Dense peak rates, TFLOP/s. NVLink: GB/s in both directions together; "
        "PCIe: GB/s in one."
    )
    return table


def model_table(rows: Iterable[ModelRow]) -> Table:
    """Checkpoints with what decides where they fit and whether they may be served."""
    table = _table("model", "weights GiB", "licence", "origin", right=("params", "active", "context"))
    for row in rows:
        derived = checkpoint(row)
        table.add_row(
            row.id + ("" if row.verified else "?"),
            f"{derived.weights_gib:.1f} {row.quantization}",
            row.licence + {True: ", gated", False: "", None: ", gated?"}[row.gated],
            row.origin,
            _billions(derived.params),
            _billions(derived.active_params),
            str(row.max_context),
        )
    return table


def workload_table(catalog: Catalog) -> Table:
    """Classes of use: the shape of a request, the targets, and the candidates, smallest first."""
    table = _table("workload", "request", "targets", "candidates, smallest first", lines=True)
    for row in catalog.workloads.values():
        table.add_row(
            Text.assemble((row.name, "bold"), f"\n{row.what}"),
            f"{row.prompt_tokens} in\n{row.output_tokens} out",
            f"TTFT {row.ttft_ms:g} ms\nTPOT {row.tpot_ms:g} ms",
            "\n".join(_candidates(row, catalog)),
        )
    table.caption = "Targets, licences and the order of candidates are our judgement."
    return table


def _candidates(row: Workload, catalog: Catalog) -> Iterable[str]:
    for each in row.candidates:
        model = catalog.models[each.model]
        if each.format is None:
            size = _billions(checkpoint(model).params)
            yield f"[bold]{each.model}[/] ({size}, {model.licence}): {each.why}"
        else:
            form = catalog.edge_formats[each.format]
            memory = edge_need(model, form, EDGE_CONTEXT).memory_gib
            need = f"{form.artefact}, {form.runtime}, {memory:.1f} GiB"
            yield f"[bold]{each.model}[/] ({need}): {each.why}"


def _table(*left: str, right: tuple[str, ...] = (), lines: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for position, column in enumerate(left):
        table.add_column(column, no_wrap=position == 0 and not lines)
    for column in right:
        table.add_column(column, justify="right")
    table.padding = (0, 2, 1, 0) if lines else (0, 2, 0, 0)
    return table


def _usd(sku: Sku) -> str:
    if sku.usd_per_hour is None:
        return "unknown"
    return f"{sku.usd_per_hour:.2f}" + ("" if sku.price_verified else "?")


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _billions(value: int) -> str:
    return f"{value / 1e9:.3g}B"
