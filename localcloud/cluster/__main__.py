import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from localcloud import cluster
from localcloud.cluster.layout import Layout, Settings
from localcloud.cluster.supervisor import StartError, Supervisor

app = typer.Typer(help="The local Kubernetes of localcloud.", no_args_is_help=True, add_completion=False)
State = Annotated[Path, typer.Option("--state", help="State folder of the local cloud.")]
DEFAULT_STATE = Path(".localcloud")


@app.command()
def status(
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show processes, nodes by pool and pods that wait. Exit code 3 if the stack's cluster does not run."""
    found = cluster.status(state)
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        console = Console()
        _show(found, console)
        for name, other in found.existing.items():
            console.print(f"\nExisting cluster {name}")
            _show(other, console)
    if not found.running:
        raise typer.Exit(3)


@app.command()
def stop(state: State = DEFAULT_STATE) -> None:
    """Stop the cluster; what it holds stays."""
    cluster.stop(state)


@app.command()
def run(
    state: State = DEFAULT_STATE,
    existing: Annotated[
        str | None, typer.Option("--existing", help="A cluster that was there before the stack.")
    ] = None,
) -> None:
    """Run the cluster in the foreground, with the settings of its last start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    layout = Layout(state, existing)
    if not layout.settings.exists():
        raise typer.BadParameter(f"{layout.settings} is missing: this cluster was never started")
    settings = Settings.model_validate_json(layout.settings.read_text())
    try:
        Supervisor(layout, settings, os.getpid()).run()
    except StartError as failed:
        logging.getLogger(__name__).error("%s", failed)  # noqa: TRY400 - the text says it all
        raise typer.Exit(1) from None


def _show(found: cluster.ClusterStatus, console: Console) -> None:
    console.print(f"Kubernetes runs at {found.endpoint}" if found.running else "Kubernetes does not run")
    for problem in found.problems:
        console.print(f"problem: {problem}")
    if found.processes:
        processes = Table("process", "pid")
        for one in found.processes:
            processes.add_row(one.name, str(one.pid))
        console.print(processes)
    if found.pools:
        pools = Table("pool", "size", "nodes", "min–max", "node", "state", "GPUs")
        for pool in found.pools:
            bounds = f"{pool.min_count}–{pool.max_count}"
            pools.add_row(pool.name, pool.size, str(pool.count), bounds)
            for node in pool.nodes:
                condition = "leaving" if node.leaving else "ready" if node.ready else "not ready"
                gpus = ", ".join(f"{name}: {count}" for name, count in node.gpus.items())
                pools.add_row("", "", "", "", node.name, condition, gpus)
        console.print(pools)
    if found.pending:
        pending = Table("pending pod", "why")
        for pod in found.pending:
            pending.add_row(f"{pod.namespace}/{pod.name}", "\n".join(pod.reasons))
        console.print(pending)


if __name__ == "__main__":
    app()
