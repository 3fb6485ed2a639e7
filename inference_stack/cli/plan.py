"""What an environment would become."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference_stack.planner import plan_environment
from inference_stack.report import render
from inference_stack.spec import InvalidEnvironment, read

from .app import AsJson, app, as_json_list


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
            typer.echo(as_json_list(wrong.findings))
        else:
            typer.echo(wrong.render(), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(planned.model_dump_json(indent=2))
    else:
        Console().print(render(planned))
