"""What an environment would become."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from inference_stack.planner import Plan, plan_environment
from inference_stack.planner.difference import UnreadablePlanError, difference, read_plan
from inference_stack.report import (
    markdown,
    markdown_difference,
    markdown_faults,
    picture,
    render,
    render_difference,
    show,
)
from inference_stack.spec import InvalidEnvironment, read

from .app import AsJson, app, as_json_list


@app.command()
def plan(
    env: Annotated[str, typer.Option(help="Environment; read from Pulumi.<env>.yaml.")] = "dev",
    file: Annotated[Path | None, typer.Option(help="Another file to read it from.")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown for a pull request.")
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            allow_dash=True,
            help="Draw every GPU and slice into this file, besides; - prints the picture and nothing else.",
        ),
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Show why each model is where it is.")] = False,
    model: Annotated[
        list[str] | None, typer.Option(help="Show these details of one model only; may be repeated.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="Show what changes against a plan that --json printed before.",
        ),
    ] = None,
) -> None:
    """Plan an environment: pools, models, memory, speed, price. Exit code 1 if something forbids it."""
    if as_json and as_markdown:
        raise typer.BadParameter("print one or the other", param_hint="--json, --markdown")
    if against and (details or model):
        raise typer.BadParameter("a difference has no details", param_hint="--against")
    planned = _planned(env, file or Path(f"Pulumi.{env}.yaml"), as_json, as_markdown)
    chosen = _chosen(planned, model or [])
    if svg:
        _draw(planned, svg)
    if svg == Path("-"):
        return
    if against:
        _compare(planned, against, as_json, as_markdown)
    elif as_json:
        typer.echo(planned.model_dump_json(indent=2))
    elif as_markdown:
        typer.echo(markdown(planned), nl=False)
    else:
        show(render(planned, chosen if details or chosen else None))


def _planned(env: str, path: Path, as_json: bool, as_markdown: bool) -> Plan:
    try:
        source = read(path)
        return plan_environment(source.data, name=env, file=str(path), text=source.text, today=date.today())
    except InvalidEnvironment as wrong:
        if as_json:
            typer.echo(as_json_list(wrong.findings))
        elif as_markdown:
            typer.echo(markdown_faults(wrong), nl=False)
        else:
            typer.echo(wrong.render(), err=True)
        raise typer.Exit(1) from None


def _compare(planned: Plan, against: Path, as_json: bool, as_markdown: bool) -> None:
    try:
        old = read_plan(against.read_text(encoding="utf-8", errors="replace"), str(against))
    except UnreadablePlanError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from None
    found = difference(old, planned)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    elif as_markdown:
        typer.echo(markdown_difference(found, str(against)), nl=False)
    else:
        show(render_difference(found, str(against)))


def _chosen(planned: Plan, names: list[str]) -> list[str]:
    known = [model.name for model in planned.models]
    if unknown := [name for name in names if name not in known]:
        what = f"no model {', '.join(unknown)} in this environment; there are {', '.join(known)}"
        raise typer.BadParameter(what, param_hint="--model")
    return names


def _draw(planned: Plan, where: Path) -> None:
    drawn = picture(planned)
    if where == Path("-"):
        typer.echo(drawn)
        return
    try:
        where.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{where} cannot be written: {error.strerror}", param_hint="--svg") from None
