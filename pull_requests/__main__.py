import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from localcloud.toolchain import PREVIEW, ToolchainError, prepare
from pull_requests.changes import Change, between, told_by_pulumi
from pull_requests.comment import changes_table, compose
from pull_requests.commits import Repository, RepositoryError, environments, touched
from pull_requests.comparison import Compared, Side
from pull_requests.preview import Preview
from pull_requests.previewing import azure_preview, side

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".localcloud" / "pull-request"
COMMENT = "comment.md"
NOTHING = Preview((), (), frozenset(), ())
"""Of an environment that one side does not have."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)


@app.command()
def preview(
    base: Annotated[str, typer.Option(help="Branch, tag or commit to compare with.")] = "main",
    azure: Annotated[
        bool, typer.Option("--azure", help="Preview against what is there, as whoever is logged in.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for comment and pictures.")] = FOLDER,
) -> None:
    """Tell what the working tree changes against a base. Exit code 1 where it must not be merged."""
    try:
        compared = _compared(base, out.resolve(), azure)
    except (RepositoryError, ToolchainError) as told:
        console.print(str(told), markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    how = "Resources: against what is in Azure." if azure else "Resources: both sides from nothing, offline."
    text = compose(compared, base, how)
    (out / COMMENT).write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    console.print(f"{out / COMMENT} holds it; pictures lie beside it.", markup=False, soft_wrap=True)
    raise typer.Exit(any(each.refused for each in compared))


@app.command()
def drift(
    env: Annotated[str, typer.Option(help="Environment: the <env> of Pulumi.<env>.yaml.")] = "dev",
    project: Annotated[Path, typer.Option(help="Folder of the Pulumi project.")] = PROJECT,
    out: Annotated[Path, typer.Option(help="Folder for what Pulumi says.")] = FOLDER / "drift",
) -> None:
    """Tell what `pulumi up` would put back, as whoever is logged in. Exit code 1 where there is any.

    The cloud is read anew, but nothing of that is written into the state.
    """
    found = azure_preview(env, project.resolve(), out.resolve(), "--refresh")
    if found.errors:
        console.print("\n".join(found.errors), markup=False, soft_wrap=True)
        raise typer.Exit(2)
    changes = told_by_pulumi(found)
    print(changes_table(changes) if changes else f"{env} is as it was made.")
    raise typer.Exit(bool(changes))


def _compared(base: str, out: Path, azure: bool) -> list[Compared]:
    repository = Repository(PROJECT)
    commit = repository.base(base)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with repository.tree(commit, out / "tree") as tree:
        known = {*environments(PROJECT), *environments(tree)}
        names = touched(repository.changed(commit), known)
        if not names:
            return []
        tools = None if azure else prepare(PREVIEW, console=console)
        console.print(f"Previewing {', '.join(names)} here and at {commit[:10]}.", soft_wrap=True)
        with ThreadPoolExecutor(2) as both:  # a preview keeps one core at work
            old = [both.submit(side, name, tree, out / name / "base", tools) for name in names]
            new = [both.submit(side, name, PROJECT, out / name / "here", tools) for name in names]
            sides = [
                (name, was.result(), now.result()) for name, was, now in zip(names, old, new, strict=True)
            ]
    return [_in_azure(*each, out) if azure else _offline(*each) for each in sides]


def _offline(name: str, base: Side | None, here: Side | None) -> Compared:
    return Compared(name, base, here, _changes(base, here))


def _in_azure(name: str, base: Side | None, here: Side | None, out: Path) -> Compared:
    """What is there is told by the state, so that the base needs no preview."""
    if here is None or here.plan is None:
        return Compared(name, base, here, None)
    found = azure_preview(name, PROJECT, out / name / "azure", "--policy-pack", "policies")
    changes = None if found.errors else told_by_pulumi(found)
    return Compared(name, base, Side(here.plan, preview=found), changes)


def _changes(base: Side | None, here: Side | None) -> tuple[Change, ...] | None:
    if (base and base.broken) or (here and here.broken):
        return None
    old, new = (each.preview if each and each.preview else NOTHING for each in (base, here))
    return between(old, new)


app()
