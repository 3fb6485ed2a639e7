"""What is known: sizes and models."""

import typer
from rich.console import Console

from inference_stack.catalog import CATALOG
from inference_stack.report import model_table, sku_table

from .app import AsJson, app, as_json_list


@app.command()
def skus(as_json: AsJson = False) -> None:
    """List the Azure sizes of the catalog. A question mark: old or unconfirmed."""
    if as_json:
        typer.echo(as_json_list(tuple(CATALOG.skus.values())))
    else:
        Console().print(sku_table(CATALOG))


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models of the catalog."""
    if as_json:
        typer.echo(as_json_list(tuple(CATALOG.models.values())))
    else:
        Console().print(model_table(CATALOG))
