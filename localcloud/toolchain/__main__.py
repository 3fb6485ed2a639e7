"""Build the toolchain ahead of time, and see where it is."""

import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from localcloud.toolchain import PREVIEW, TEST, UP, Tool, Toolchain, ToolchainError, cache, prepare
from localcloud.toolchain.installed import built_in_s
from localcloud.toolchain.pins import PINS
from localcloud.toolchain.progress import say


class Purpose(StrEnum):
    """What the tools are for."""

    PREVIEW = "preview"
    UP = "up"
    TEST = "test"


GROUPS: dict[Purpose, frozenset[Tool]] = {Purpose.PREVIEW: PREVIEW, Purpose.UP: UP, Purpose.TEST: TEST}

app = typer.Typer(help=__doc__, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)


@app.command()
def main(
    purpose: Annotated[Purpose, typer.Option("--for", help="Which tools.")] = Purpose.PREVIEW,
    only_list: Annotated[
        bool, typer.Option("--list", help="Show the pins and what is built; build nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Build what the cache lacks, then print where things are and how long each took."""
    try:
        toolchain = None if only_list else prepare(GROUPS[purpose], console=console)
        rows = _rows(GROUPS[purpose], toolchain)
    except ToolchainError as wrong:
        say(console, str(wrong))
        raise typer.Exit(1) from None
    if as_json:
        places = {} if toolchain is None else {"home": str(toolchain.home), "bin": str(toolchain.bin)}
        typer.echo(json.dumps({**places, "tools": rows}, indent=2))
    else:
        _print(rows, toolchain)


def _rows(tools: frozenset[Tool], toolchain: Toolchain | None) -> list[dict[str, object]]:
    folder = cache.root()
    rows: list[dict[str, object]] = []
    for pin in PINS.of(tools):
        path = toolchain.path(pin.tool) if toolchain else cache.finished(folder, pin) / pin.entry
        ours = path.is_relative_to(folder)
        rows.append(
            {
                "tool": pin.tool,
                "version": pin.version if ours else "as on PATH",
                "path": str(path) if path.exists() else None,
                "built_in_s": built_in_s(folder, pin) if ours else None,
                "measured_cold_s": pin.cold_s,
            }
        )
    return rows


def _print(rows: list[dict[str, object]], toolchain: Toolchain | None) -> None:
    table = Table("tool", "version", "built in", "first build", box=None)
    for row in rows:
        took = f"{row['built_in_s']} s" if row["built_in_s"] is not None else "–"
        state = took if row["path"] else "not built"
        table.add_row(str(row["tool"]), str(row["version"]), state, f"about {row['measured_cold_s']:.0f} s")
    output = Console(highlight=False, soft_wrap=True)
    output.print(table)
    if toolchain:
        output.print(f"PULUMI_HOME={toolchain.home}\nPATH={toolchain.bin}:$PATH")


app()
