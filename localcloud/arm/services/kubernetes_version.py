"""Kubernetes versions that AKS offers, from ``tables/kubernetes_versions.csv``."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from localcloud.arm.refusal import refusal

_TABLE = Path(__file__).parents[1] / "tables" / "kubernetes_versions.csv"
_MAX_SKEW = 3


class Offered(NamedTuple):
    """A minor version on offer."""

    patch: str
    """Its newest patch."""
    lts_only: bool
    """Only for clusters on long-term support."""


@cache
def offered() -> dict[str, Offered]:
    """What is offered, by minor version such as ``1.35``, oldest first."""
    with _TABLE.open(newline="") as lines:
        return {
            row["minor"]: Offered(row["patch"], row["lts_only"] == "yes") for row in csv.DictReader(lines)
        }


def default() -> str:
    """The version of a cluster that names none: one minor below the newest."""
    return list(offered())[-2]


def patch(version: str) -> str:
    """The full version: the newest patch of a minor version on offer, else itself."""
    row = offered().get(version)
    return version if row is None else row.patch


def is_offered(version: str, *, long_term: bool) -> bool:
    """Whether AKS offers a minor version or a patch to a cluster, on long-term support or not."""
    numbers = version.split(".")
    row = offered().get(".".join(numbers[:2]))
    if row is None or len(numbers) > 3 or not all(part.isdigit() for part in numbers):
        return False
    return _key(version) <= _key(row.patch) and (long_term or not row.lts_only)


def refuse_skew(pool: str, control_plane: str) -> None:
    """Refuse a pool newer than its control plane or too far behind."""
    distance = _key(control_plane)[1] - _key(pool)[1]
    newer = pool.count(".") == control_plane.count(".") == 2 and _key(pool) > _key(control_plane)
    if not 0 <= distance <= _MAX_SKEW or newer:
        raise refusal("NodePoolMcVersionIncompatible", version=pool, control_plane=control_plane)


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
