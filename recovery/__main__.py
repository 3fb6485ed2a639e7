import subprocess
from pathlib import Path
from typing import Annotated

import typer

from recovery.recover import RecoveryError, recover

FOLDER = Path(".recovery")


def main(
    stack: Annotated[str, typer.Option(help="The stack whose `pulumi up` or `pulumi destroy` was killed.")],
    subscription: Annotated[
        str | None,
        typer.Option(
            envvar="ARM_SUBSCRIPTION_ID",
            help="Subscription of a stack that was killed before its first resource was there.",
        ),
    ] = None,
) -> None:
    """Put right what a killed Pulumi left in the state of a stack. First `pulumi cancel` removes its lock.

    Runs `pulumi stack export`, `stack import` and `refresh` in this folder, as whoever is logged in.
    """

    def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--stack", stack, "--non-interactive"],  # noqa: S607 (the user's own)
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        told = recover(pulumi, FOLDER / stack.replace("/", "."), subscription)
    except RecoveryError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from None
    typer.echo("\n".join(told) or "Nothing was under way.")


typer.run(main)
