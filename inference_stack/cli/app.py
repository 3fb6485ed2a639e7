"""The command itself, and what its subcommands share."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 200

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Says what an environment would become, before anything exists.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def as_json_list(rows: Sequence[BaseModel]) -> str:
    """Rows as a JSON list."""
    return json.dumps(
        [row.model_dump(mode="json", by_alias=True) for row in rows], indent=2, ensure_ascii=False
    )


def table_console() -> "Console":
    """Where a table goes: one that goes into a pipe keeps one line a row."""
    # It takes a while to import, and JSON does not need it.
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


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
