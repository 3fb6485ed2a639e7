"""The commands behind `make preview`, `make up` and `make down`."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference_stack.spec import InvalidEnvironment
from localcloud import cluster
from localcloud.cluster.__main__ import status as cluster_status
from localcloud.digests import found_images, written
from localcloud.recovery import LockedError, alone
from localcloud.sim_gpu.hub import NoSmallModelError
from localcloud.stack import PROJECT, Stack, environments, stack_at
from localcloud.toolchain import PREVIEW, UP, Tool, ToolchainError, prepare

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)

_INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""

Env = Annotated[str, typer.Option("--env", help="Environment: the <env> of Pulumi.<env>.yaml.")]
Settings = Annotated[
    Path | None, typer.Option("--file", help="Settings in another file than Pulumi.<env>.yaml.")
]
State = Annotated[
    Path | None, typer.Option("--state", help="Folder of all local state. Default: .localcloud/<env>.")
]


def _stack(env: str, settings: Path | None, state: Path | None, tools: frozenset[Tool]) -> Stack:
    if settings is None and env not in environments():
        console.print(
            f"There is no Pulumi.{env}.yaml.\n  allowed: {', '.join(environments())}\n"
            f"  do: make preview ENV=<one of them>, or write Pulumi.{env}.yaml"
        )
        raise typer.Exit(1)
    try:
        return stack_at(env, prepare(tools, console=console), settings, state)
    except ToolchainError as wrong:
        console.print(str(wrong))
        raise typer.Exit(1) from None


@contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    """Let nobody else change the stack meanwhile, and say how it goes on where the user stops it."""
    try:
        with alone(stack.state, stack.environment):
            yield
    except (LockedError, cluster.ClusterError) as told:
        console.print(str(told), markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        again = f"ENV={stack.environment}"
        console.print(f"Interrupted. `make up {again}` goes on from here; `make down {again}` takes it away.")
        raise typer.Exit(_INTERRUPTED) from None


@app.command()
def preview(env: Env = "dev", file: Settings = None, state: State = None) -> None:
    """Preview an environment offline, policies included. Nothing is created."""
    raise typer.Exit(_stack(env, file, state, PREVIEW).preview().returncode)


@app.command()
def up(env: Env = "dev", file: Settings = None, state: State = None) -> None:
    """Make an environment on the ARM stand-in and a real Kubernetes control plane."""
    stack = _stack(env, file, state, UP)
    with _alone(stack):
        stack.start(console)
        raise typer.Exit(stack.converge(*stack.policies).returncode)


@app.command()
def down(env: Env = "dev", file: Settings = None, state: State = None) -> None:
    """Destroy an environment while its operator is alive, then stop its control plane."""
    stack = _stack(env, file, state, UP)
    if not (stack.state / "pulumi").exists():
        console.print(f"Nothing of {env} is up.")
        return
    with _alone(stack):
        stack.start(console)
        if status := stack.destroy().returncode:
            console.print("The control plane stays up, so that `make down` can be tried again.")
            raise typer.Exit(status)
        cluster.stop(stack.state)
        stack.forget()


@app.command()
def status(env: Env = "dev", state: State = None) -> None:
    """Processes, nodes and waiting pods of an environment."""
    folder = (state or Path(".localcloud") / env).resolve()
    cluster_status(folder)


@app.command()
def serve(
    env: Env = "dev",
    file: Settings = None,
    state: State = None,
    model: Annotated[str | None, typer.Option(help="Model to serve. Default: the first one.")] = None,
    builder: Annotated[
        str | None,
        typer.Option(help="Builds the application, `module:function`. Default: as the stack says."),
    ] = None,
) -> None:
    """Serve a model of an environment on simulated GPUs, until Ctrl-C."""
    from localcloud import serve as local  # its imports take longer than all of another command

    settings = (file or PROJECT / f"Pulumi.{env}.yaml").resolve()
    folder = (state or Path(".localcloud") / env).resolve() / "serve"
    for ending in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too
        signal.signal(ending, signal.default_int_handler)
    try:
        service = local.service_of(settings, env, model)
        if builder:
            service = service.built_by(builder)
        with local.served(service, folder, console) as ray:
            console.print(
                f"Ctrl-C ends it. To copy:\n{local.curl(ray, service.model)}", markup=False, soft_wrap=True
            )
            ray.wait_until_it_ends()
    except (local.ServeError, NoSmallModelError, InvalidEnvironment) as told:
        console.print(str(told), markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Ended.")


@app.command()
def charts(folder: Path) -> None:
    """Write the charts of KubeRay and of Envoy Gateway into a folder, for a registry of one's own."""
    tools = (Tool.KUBERAY_CHARTS, Tool.ENVOY_GATEWAY_CHARTS)
    toolchain = prepare(frozenset(tools), console=console)
    for tool in tools:
        shutil.copytree(toolchain.path(tool), folder, dirs_exist_ok=True)
    for chart in sorted(folder.iterdir()):
        console.print(f"{chart} is ready.")


@app.command()
def digests(
    env: Env = "dev",
    file: Settings = None,
    write: Annotated[bool, typer.Option("--write", help="Put them into the environment's file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Tell the digest of every image but that of heads and workers, as its registry has it now."""
    settings = file or PROJECT / f"Pulumi.{env}.yaml"
    try:
        found = found_images(settings, prepare(frozenset({Tool.CRANE}), console=console).path(Tool.CRANE))
        if write:
            text = settings.read_text(encoding="utf-8")
            # In one step: a full disk leaves the file as it was.
            made = settings.with_name(f".{settings.name}.new")
            made.write_text(
                written(text, {each.key: each.pinned for each in found if each.digest}), encoding="utf-8"
            )
            made.replace(settings)
    except (InvalidEnvironment, ToolchainError, ValueError) as told:
        console.print(str(told), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        rows = [{"key": f"images.{each.key}", "pulled": each.pulled, "digest": each.digest} for each in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    for each in found:
        typer.echo(f"images.{each.key}: {each.pulled}  {each.digest or 'is named by its digest'}")


app()
