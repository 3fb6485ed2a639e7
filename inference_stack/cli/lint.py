"""What the pinned engine would refuse or misread in files that are there already."""

import gc
import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from inference_stack.engine import versions
from inference_stack.engine.arguments import known_versions
from inference_stack.lint.engine_args import lint_engine_args
from inference_stack.lint.linting import Linted
from inference_stack.spec import Severity

from .app import AsJson, app

Paths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH…", help="Files and folders; - is the standard input.")
]
Engine = Annotated[str, typer.Option(help="Release of vLLM to hold them against.")]
AsSarif = Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0 for code hosts and editors.")]
AsGithub = Annotated[bool, typer.Option("--github", help="Print annotations for GitHub Actions.")]
EngineArgs = Annotated[
    Path | None,
    typer.Option(allow_dash=True, help="With --json: a JSON list of {id, kind, engine_args, frontend_args}."),
]


@app.command()
def lint(
    paths: Paths = None,
    engine: Engine = versions.VLLM,
    engine_args: EngineArgs = None,
    as_json: AsJson = False,
    as_sarif: AsSarif = False,
    as_github: AsGithub = False,
) -> None:
    """Say what vLLM, Ray Serve and KubeRay would refuse, ignore or misread. Exit code 1 on errors."""
    if engine not in known_versions():
        known = ", ".join(known_versions())
        raise typer.BadParameter(f"vLLM {engine} is not known here; known: {known}", param_hint="--engine")
    if as_json + as_sarif + as_github > 1:
        raise typer.BadParameter("print one of them", param_hint="--json, --sarif, --github")
    if engine_args is not None:
        if paths or not as_json:
            raise typer.BadParameter("goes with --json, and without paths", param_hint="--engine-args")
        _print_sets(engine_args, engine)
        return
    if not paths:
        raise typer.BadParameter("name files or folders, or - for the standard input", param_hint="PATH…")
    linted = _linted(paths, engine)
    _print(linted, as_json, as_sarif, as_github)
    if linted.count(Severity.ERROR):
        raise typer.Exit(1)


def _linted(paths: list[str], engine: str) -> Linted:
    from inference_stack.lint.linting import lint as lint_paths

    # What is read forms no cycles, and is gone with its file: the collector would look for some in vain.
    gc.freeze()
    gc.set_threshold(100_000)
    console = Console(stderr=True)
    if not console.is_terminal:
        return lint_paths(paths, engine)
    with console.status("reading") as status:
        return lint_paths(paths, engine, lambda name: status.update(f"reading {name}"))


def _print(linted: Linted, as_json: bool, as_sarif: bool, as_github: bool) -> None:
    # Each form is imported only where it is wanted.
    if as_json:
        from inference_stack.lint.output.json import as_json as printed

        typer.echo(printed(linted))
    elif as_sarif:
        from inference_stack.lint.output.sarif import as_sarif as printed

        typer.echo(printed(linted))
    elif as_github:
        from inference_stack.lint.output.github import annotations as printed

        typer.echo(printed(linted))
    else:
        from inference_stack.lint.output.terminal import show

        show(linted)


def _print_sets(file: Path, engine: str) -> None:
    try:
        sets: Any = json.loads(sys.stdin.read() if file == Path("-") else file.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"{file} cannot be read: {error.strerror}"
        raise typer.BadParameter(what, param_hint="--engine-args") from None
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--engine-args") from None
    if not isinstance(sets, list):
        raise typer.BadParameter("not a list", param_hint="--engine-args")
    typer.echo(json.dumps(lint_engine_args(cast("list[Any]", sets), engine), indent=2, ensure_ascii=False))
