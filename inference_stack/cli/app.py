"""The command itself, and what its subcommands share."""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from inference_stack.planner.case import Answerable, Refused

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


def print_answers(found: Sequence[Answerable | Refused], answer: Callable[[Answerable], BaseModel]) -> None:
    """A JSON list with one object a question. Exit code 1 if one has errors in place of an answer."""
    refused = [each for each in found if isinstance(each, Refused)]
    told: list[dict[str, Any]] = [
        {"id": each.id, "errors": list(each.errors)}
        if isinstance(each, Refused)
        else answer(each).model_dump(mode="json")
        for each in found
    ]
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    if refused:
        typer.echo("\n".join(map(str, refused)), err=True)
        raise typer.Exit(1)


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
