"""What of an environment's telemetry goes to programs of others: Grafana's dashboard, Prometheus' rules."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import InvalidEnvironment, read
from inference_stack.telemetry import dashboard as grafana
from inference_stack.telemetry import rules_file

from .app import app

Env = Annotated[str, typer.Option(help="Environment; read from Pulumi.<env>.yaml.")]


@app.command()
def dashboard(env: Env = "dev") -> None:
    """Print the environment's dashboard as Grafana imports it."""
    _print(env, grafana)


@app.command()
def rules(env: Env = "dev") -> None:
    """Print the environment's recording rules and alerts as Prometheus reads them (JSON, which is YAML)."""
    _print(env, rules_file)


def _print(env: str, made: Callable[[Plan], dict[str, Any]]) -> None:
    path = Path(f"Pulumi.{env}.yaml")
    try:
        source = read(path)
        plan = plan_environment(source.data, name=env, file=str(path), text=source.text, today=date.today())
    except InvalidEnvironment as wrong:
        typer.echo(wrong.render(), err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(made(plan), indent=2))
