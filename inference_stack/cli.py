"""The `inference-stack` command: the planner without an engine."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from inference_stack.catalog import CATALOG
from inference_stack.planner import plan_environment
from inference_stack.report import model_table, render, sku_table
from inference_stack.spec import InvalidEnvironment, read

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Says what an environment would become, before anything exists.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inference-stack {version('inference-stack')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def plan(
    env: Annotated[str, typer.Option(help="Environment; read from Pulumi.<env>.yaml.")] = "dev",
    file: Annotated[Path | None, typer.Option(help="Another file to read it from.")] = None,
    as_json: AsJson = False,
) -> None:
    """Plan an environment: pools, models, memory, price. Exit code 1 if something forbids it."""
    path = file or Path(f"Pulumi.{env}.yaml")
    try:
        source = read(path)
        planned = plan_environment(source.data, name=env, file=str(path), text=source.text)
    except InvalidEnvironment as wrong:
        if as_json:
            typer.echo(_json(wrong.findings))
        else:
            typer.echo(wrong.render(), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(planned.model_dump_json(indent=2))
    else:
        Console().print(render(planned))


@app.command()
def skus(as_json: AsJson = False) -> None:
    """List the Azure sizes of the catalog. A question mark: old or unconfirmed."""
    if as_json:
        typer.echo(_json(tuple(CATALOG.skus.values())))
    else:
        Console().print(sku_table(CATALOG))


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models of the catalog."""
    if as_json:
        typer.echo(_json(tuple(CATALOG.models.values())))
    else:
        Console().print(model_table(CATALOG))


def _json(rows: tuple[BaseModel, ...]) -> str:
    return json.dumps(
        [row.model_dump(mode="json", by_alias=True) for row in rows], indent=2, ensure_ascii=False
    )


if __name__ == "__main__":
    app()
