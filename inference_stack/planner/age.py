"""What a plan rests on that was last read too long ago."""

from collections.abc import Iterator, Sequence
from datetime import date

from inference_stack.catalog import Catalog, Stale
from inference_stack.spec import Environment, Finding, Severity

from .plan import PlannedModel, PlannedPool

TOLD = 3
"""Rows that a finding names; the rest is counted."""


def stale_findings(
    environment: Environment,
    pools: Sequence[PlannedPool],
    models: Sequence[PlannedModel],
    catalog: Catalog,
    today: date,
) -> Iterator[Finding]:
    """A warning where what the plan rests on was read more than 90 days before `today`."""
    cluster = environment.cluster
    sizes = {cluster.system.sku, cluster.heads.sku, *(pool.sku for pool in pools)}
    stale = catalog.stale(today)
    yield from _told("pools", sizes | {pool.accelerator.gpu for pool in pools}, stale)
    yield from _told("models", {model.checkpoint for model in models}, stale)
    version = catalog.kubernetes_version(cluster.kubernetes_version)
    yield from _told("cluster.kubernetes_version", {version.minor} if version else set(), stale, "rests")


def _told(path: str, names: set[str], stale: Sequence[Stale], rest: str = "rest") -> Iterator[Finding]:
    rows = [row.told for row in stale if row.name in names]
    if rows:
        more = f", and {len(rows) - TOLD} more" if len(rows) > TOLD else ""
        yield Finding(
            code="catalog-stale",
            severity=Severity.WARNING,
            path=path,
            what=f"{rest} on rows of the catalog that are older than 90 days: "
            + "; ".join(rows[:TOLD])
            + more,
            remedy="read the source again, and update the row and its date",
        )
