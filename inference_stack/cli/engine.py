"""What vLLM takes as arguments, and what changes with its version."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from inference_stack.engine import versions
from inference_stack.engine.arguments import Argument, EngineVersion, departed, engine_version
from inference_stack.engine.arguments.difference import Change, changes
from inference_stack.engine.arguments.pairs import pair_findings
from inference_stack.engine.names import near_name
from inference_stack.engine.serve_config import kv_transfer
from inference_stack.engine.upgrade import Effect, effect
from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import Finding, InvalidEnvironment, Severity, read

from .app import AsJson, app, as_json_list, table_console

engine = typer.Typer(
    no_args_is_help=True, help="What vLLM takes as arguments, and what changes with its version."
)
app.add_typer(engine, name="engine")


class Meaning(BaseModel):
    """What a change of version means for an environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    engines: dict[str, Effect] = Field(description="By model; the side that reads prompts has its own.")
    breaks: bool


class Answer(BaseModel):
    """What `engine diff --json` prints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: str
    new: str
    changes: tuple[Change, ...]
    pair: Finding | None = Field(description="What is known against the new version under the pinned Ray.")
    environment: Meaning | None


@engine.command()
def diff(
    old: Annotated[str, typer.Argument(help="Version that is left.")],
    new: Annotated[str, typer.Argument(help="Version that is taken.")],
    env: Annotated[str | None, typer.Option(help="Environment; read from Pulumi.<env>.yaml.")] = None,
    file: Annotated[Path | None, typer.Option(help="Another file to read it from.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changes between two versions. Exit code 1 where the environment would break."""
    before, after = _version(old), _version(new)
    pair = next(pair_findings(versions.RAY, new, "vllm"), None)
    meaning = None
    if env or file:
        effects = _effects(_planned(env or "dev", file), before, after)
        refused = any(each.refused for each in effects.values())
        broken = pair is not None and pair.severity is Severity.ERROR
        meaning = Meaning(name=env or str(file), engines=effects, breaks=refused or broken)
    answer = Answer(old=old, new=new, changes=changes(before, after), pair=pair, environment=meaning)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        _show(answer)
    if meaning and meaning.breaks:
        raise typer.Exit(1)


@engine.command()
def args(
    name: Annotated[
        str | None, typer.Argument(help="Argument or field: max_model_len, --max-model-len.")
    ] = None,
    version: Annotated[str, typer.Option("--engine", help="Version of vLLM.")] = versions.VLLM,
    as_json: AsJson = False,
) -> None:
    """Show what vLLM takes as arguments, or one of them in full. Exit code 1 if it has none of this name."""
    from inference_stack.report.engine_arguments import argument_card, argument_table

    found = _version(version)
    if name is None:
        every = {**found.serve, **found.arguments}
        typer.echo(as_json_list(list(every.values()))) if as_json else table_console().print(
            argument_table(found)
        )
        return
    argument = _find(name, found)
    if argument is None:
        typer.echo(_unknown(_as_python(name), found), err=True)
        raise typer.Exit(1)
    typer.echo(argument.model_dump_json(indent=2)) if as_json else Console().print(
        argument_card(argument, version)
    )


def _version(version: str) -> EngineVersion:
    try:
        return engine_version(version)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from None


def _as_python(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _find(name: str, version: EngineVersion) -> Argument | None:
    """An argument by its name, as Python or an option writes it, or by a short option."""
    short = [argument for argument in version.options.values() if name in argument.flags]
    return short[0] if short else version.find(_as_python(name))


def _unknown(name: str, version: EngineVersion) -> str:
    """What to say of a name that a version does not take."""
    if gone := departed(name, version):
        return f"{name}: gone since vLLM {gone.version}; {gone.remedy}"
    every = {**version.serve, **version.arguments}
    return f"{name}: vLLM {version.version} has no such argument; {near_name(name.split('.')[0], every)}"


def _planned(env: str, file: Path | None) -> Plan:
    path = file or Path(f"Pulumi.{env}.yaml")
    try:
        source = read(path)
        return plan_environment(source.data, name=env, file=str(path), text=source.text, today=date.today())
    except InvalidEnvironment as wrong:
        typer.echo(wrong.render(), err=True)
        raise typer.Exit(1) from None


def _effects(planned: Plan, old: EngineVersion, new: EngineVersion) -> dict[str, Effect]:
    found: dict[str, Effect] = {}
    for model in planned.models:
        handed = kv_transfer("kv_consumer") if model.prefill else {}
        found[model.name] = effect(model.engine | handed, old, new)
        if model.prefill:
            reading = model.prefill.engine | kv_transfer("kv_producer")
            found[f"{model.name}, prefill"] = effect(reading, old, new)
    return found


def _show(answer: Answer) -> None:
    # Rich's tables take a while to import, which JSON does not need.
    from inference_stack.report.engine_arguments import difference_view, effect_view, pair_line

    console = table_console()
    console.print(difference_view(answer.changes, answer.old, answer.new))
    if answer.environment:
        console.print(effect_view(answer.environment.engines, answer.environment.name))
    if answer.pair:
        console.print(pair_line(answer.pair))
    if answer.environment:
        broken = "would break" if answer.environment.breaks else "keeps working"
        console.print(f"{answer.environment.name} {broken}.", style="bold")
