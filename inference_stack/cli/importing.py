"""An environment from what somebody already runs."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from inference_stack.engine import versions
from inference_stack.importing import Imported, import_file
from inference_stack.spec import Severity

from .app import AsJson, app


@app.command("import")
def import_(
    path: Annotated[
        str,
        typer.Argument(
            help="A manifest, Serve configuration, Compose file, Dockerfile or script; - for standard input."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the environment into this file: Pulumi.<env>.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn what somebody runs into an environment, and list what it does not say.

    Prints the environment, and the list on the standard error. Exit code 1 if there is no engine in the file.
    """
    if out and out.exists() and not force:
        raise typer.BadParameter(f"{out} is there already; --force writes over it", param_hint="--out")
    imported = import_file(path, versions.VLLM)
    if out and imported.text:
        _write(out, imported.text)
    if as_json:
        typer.echo(json.dumps(_told(imported), indent=2, ensure_ascii=False))
    else:
        if imported.text and not out:
            typer.echo(imported.text, nl=False)
        for line in _lines(imported):
            typer.echo(line, err=True)
    if not imported.content:
        raise typer.Exit(1)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}", param_hint="--out") from None


def _told(imported: Imported) -> dict[str, Any]:
    return {
        "environment": imported.content,
        "carried": [{"path": told.path, "to": told.what} for told in imported.carried],
        "findings": [finding.model_dump(mode="json") for finding in imported.findings],
        "to_check": [finding.model_dump(mode="json") for finding in imported.to_check],
    }


def _lines(imported: Imported) -> Iterator[str]:
    """What is left and what is wrong in full, the rest in one line."""
    for file, findings in ((imported.source, imported.findings), ("environment", imported.to_check)):
        yield from (each.render(file) for each in findings if each.severity is not Severity.NOTE)
    if imported.content:
        counts = Counter(each.code for each in (*imported.findings, *imported.to_check))
        yield (
            f"{len(imported.carried)} keys carried over, {counts['import-derived']} decided by the plan "
            f"or by this stack, {counts['import-left']} left out, {counts['import-assumed']} to be checked "
            "where a comment stands; --json lists them all."
        )
