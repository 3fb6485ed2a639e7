"""Whether AKS offers the version of Kubernetes that an environment asks for, and for how long."""

from collections.abc import Iterator
from datetime import date

from inference_stack.catalog import Catalog
from inference_stack.spec import Environment, Finding, Severity

PATH = "cluster.kubernetes_version"
LONG_TERM = "AKSLongTermSupport"


def version_findings(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    """What forbids the version: AKS makes no cluster with one that it does not offer."""
    cluster = environment.cluster
    asked, long_term = cluster.kubernetes_version, cluster.support == LONG_TERM
    row = catalog.kubernetes_version(asked)
    offered = [each for each in catalog.kubernetes_versions.values() if long_term or not each.lts_only]
    if row is None or _numbers(asked) > _numbers(row.patch):
        yield Finding(
            code="kubernetes-version-not-offered",
            path=PATH,
            given=asked,
            what="is not offered by AKS" if row is None else f"is newer than {row.patch}, AKS's newest patch",
            allowed=", ".join(f"{each.minor} (up to {each.patch})" for each in offered),
        )
    elif row not in offered:
        yield Finding(
            code="kubernetes-version-long-term-only",
            path=PATH,
            given=asked,
            what="is only offered to clusters on long-term support any more",
            allowed=f"{', '.join(each.minor for each in offered)}, or cluster.support: {LONG_TERM}",
        )


def ended_findings(environment: Environment, catalog: Catalog, today: date) -> Iterator[Finding]:
    """A warning where support of the version has ended before `today`."""
    cluster = environment.cluster
    row = catalog.kubernetes_version(cluster.kubernetes_version)
    # On long-term support a version lives a year longer, until a day that the catalog has with `lts_only`.
    covered = row is None or (cluster.support == LONG_TERM and not row.lts_only)
    if row is None or covered or row.ends >= today:
        return
    newer = [each.minor for each in catalog.kubernetes_versions.values() if each.ends >= today]
    yield Finding(
        code="kubernetes-version-ended",
        severity=Severity.WARNING,
        path=PATH,
        given=cluster.kubernetes_version,
        what=f"has had no fixes since {row.ends:%Y-%m-%d}, when AKS's support of it ended",
        allowed=", ".join(newer) or None,
        remedy="upgrade, one minor version at a time",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
