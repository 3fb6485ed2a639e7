"""The steps: read the state, take in what was under way, look it up, settle it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recovery.deployment import (
    Operation,
    UnknownSubscriptionError,
    settle,
    take_in,
    to_look_up,
    under_way,
)
from recovery.helm import forget_unfinished, kubeconfig_of

Pulumi = Callable[..., subprocess.CompletedProcess[str]]
"""Runs one Pulumi command on the stack, with its output captured."""


class RecoveryError(RuntimeError):
    """It cannot go on; the text says why, and what to do."""


def unfinished(folder: Path) -> bool:
    """Whether a recovery was itself interrupted, so that the next has to go on with it."""
    return (folder / "before.json").exists()


def recover(pulumi: Pulumi, folder: Path, subscription: str | None = None) -> list[str]:
    """Put right what a killed run left in the state of a stack, and tell of each operation.

    A lock that it left has to be gone already. Killed itself, it goes on from where it was: until it is done,
    the state as it found it lies in `folder`, encrypted as Pulumi exports it. `subscription` is that of a
    stack whose state names none yet. Raises RecoveryError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before, after = folder / "before.json", folder / "after.json"
    exported = _export(pulumi, after)
    told: list[str] = []
    if operations := under_way(exported["deployment"]):
        before.write_text(json.dumps(exported))
        told += _forget_unfinished_releases(pulumi, operations)
        try:
            take_in(exported["deployment"], subscription)
        except UnknownSubscriptionError as name:
            raise RecoveryError(
                f"{name}: nothing in the state says in which subscription it lies\n"
                "  do: name it with --subscription, or in ARM_SUBSCRIPTION_ID"
            ) from None
        _import(pulumi, exported, after)
    elif unfinished(folder):
        operations = under_way(json.loads(before.read_text())["deployment"])
    else:
        after.unlink()
        return []
    if targets := to_look_up(exported["deployment"], operations):
        options = [option for urn in targets for option in ("--target", urn)]
        _checked(pulumi, "refresh", "--yes", "--skip-preview", *options)
        exported = _export(pulumi, after)
    told += settle(exported["deployment"], operations)
    _import(pulumi, exported, after)
    for file in (before, after):
        file.unlink()
    return told


def _forget_unfinished_releases(pulumi: Pulumi, operations: list[Operation]) -> list[str]:
    releases = [one for one in operations if one.installs]
    if not releases:
        return []
    shown = json.loads(_checked(pulumi, "stack", "export", "--show-secrets").stdout)["deployment"]
    return [line for one in releases for line in forget_unfinished(one, kubeconfig_of(one, shown))]


def _export(pulumi: Pulumi, file: Path) -> dict[str, Any]:
    _checked(pulumi, "stack", "export", "--file", str(file))
    return json.loads(file.read_text())


def _import(pulumi: Pulumi, exported: dict[str, Any], file: Path) -> None:
    file.write_text(json.dumps(exported))
    _checked(pulumi, "stack", "import", "--file", str(file))


def _checked(pulumi: Pulumi, *arguments: str) -> subprocess.CompletedProcess[str]:
    run = pulumi(*arguments)
    if run.returncode:
        said = f"{run.stdout}\n{run.stderr}".strip()
        raise RecoveryError(f"pulumi {arguments[0]} failed, run recovery again when that is mended:\n{said}")
    return run
