"""What is known: sizes, GPUs, models and classes of use."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from inference_stack.catalog import CATALOG, ModelRow
from inference_stack.planner.checkpoint import checkpoint
from inference_stack.planner.edge import edge_need
from inference_stack.report import gpu_table, model_table, sku_table, workload_table

from .app import AsJson, app, as_json_list, table_console

Gpus = Annotated[bool, typer.Option("--gpus", help="List GPUs instead, those outside of Azure too.")]
Search = Annotated[str | None, typer.Option("--search", help="Part of the id, in any case.")]
Family = Annotated[str | None, typer.Option("--family", help="model_type of the config.json, as qwen3_moe.")]
Licence = Annotated[str | None, typer.Option("--licence", help="Licence id of the hub, as apache-2.0.")]
Origin = Annotated[str | None, typer.Option("--origin", help="Country of the publisher, ISO 3166, as FR.")]
Variants = Annotated[bool, typer.Option("--variants", help="List quantized variants too.")]


@app.command()
def skus(gpus: Gpus = False, as_json: AsJson = False) -> None:
    """List the Azure sizes of the catalog. A question mark: old or unconfirmed."""
    if as_json:
        typer.echo(as_json_list(tuple(CATALOG.gpus.values() if gpus else CATALOG.skus.values())))
    else:
        table_console().print(gpu_table(CATALOG.gpus.values()) if gpus else sku_table(CATALOG))


@app.command()
def models(
    search: Search = None,
    family: Family = None,
    licence: Licence = None,
    origin: Origin = None,
    variants: Variants = False,
    as_json: AsJson = False,
) -> None:
    """List the models of the catalog. A question mark: no second source."""
    found = [row for row in CATALOG.models.values() if search is None or search.lower() in row.id.lower()]
    found = _of(found, "--family", family, "family")
    found = _of(found, "--licence", licence, "licence")
    found = _of(found, "--origin", origin, "origin")
    if as_json:
        typer.echo(json.dumps([_model(row) for row in found], indent=2, ensure_ascii=False))
        return
    shown = [row for row in found if variants or search or row.base is None]
    if not shown:
        raise typer.BadParameter("no model of the catalog answers to all of these filters")
    console = table_console()
    console.print(model_table(shown))
    if hidden := len(found) - len(shown):
        console.print(f"and {hidden} quantized variants: --variants lists them", style="dim")


@app.command()
def workloads(as_json: AsJson = False) -> None:
    """List classes of use: the shape of a request, targets, and candidates from the smallest up."""
    if as_json:
        found = [_workload(name) for name in CATALOG.workloads]
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        table_console().print(workload_table(CATALOG))


def _of(rows: Iterable[ModelRow], option: str, wanted: str | None, field: str) -> list[ModelRow]:
    """The rows whose field is the one wanted. Raises BadParameter with the values that there are."""
    if wanted is None:
        return list(rows)
    values = {str(getattr(row, field)) for row in CATALOG.models.values()}
    if wanted.lower() not in {value.lower() for value in values}:
        near = CATALOG.nearest(wanted, values) or tuple(sorted(values))
        raise typer.BadParameter(f"{option} {wanted!r} is of no model; there are {', '.join(near)}")
    return [row for row in rows if str(getattr(row, field)).lower() == wanted.lower()]


def _model(row: ModelRow) -> dict[str, Any]:
    derived = checkpoint(row)
    return {
        **row.model_dump(mode="json", by_alias=True),
        "family": row.family,
        "params": derived.params,
        "active_params": derived.active_params,
        "weights_gib": round(derived.weights_gib, 3),
        "kv_bytes_per_token": derived.kv_bytes_per_token,
    }


def _workload(name: str) -> dict[str, Any]:
    row = CATALOG.workloads[name]
    dumped = row.model_dump(mode="json", by_alias=True)
    for each, told in zip(row.candidates, dumped["candidates"], strict=True):
        if each.format is not None:
            form = CATALOG.edge_formats[each.format]
            need = edge_need(CATALOG.models[each.model], form, row.prompt_tokens + row.output_tokens)
            told |= {
                "artefact": form.artefact,
                "runtime": form.runtime,
                "memory_gib": round(need.memory_gib, 2),
            }
    return dumped
