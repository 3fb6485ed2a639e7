"""What Azure takes of a whole environment: tags, zones, quota and logs."""

import re
from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.faults import shown
from inference_stack.spec.finding import Finding, Severity
from inference_stack.spec.names import family
from inference_stack.spec.schema import key_path

from .rules import distinct, readable

MOST_TAGS = 50
"""Tags of one resource."""

POOL_TAGS = 3
"""Tags that GPU pools have besides: what a node offers, and why nodes are kept."""

MOST_ZONE_TAGS = 15
"""Tags of a private DNS zone, of which a private cluster has one with its own tags."""

TAG_NAME = re.compile(r"[^<>%&\\?/\x00-\x1f]{1,128}")
"""Names of tags; 128 characters is what storage accounts take, other resources take 512."""


def subscription_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions with what Azure takes."""
    for rule in (_zones, _quota, _tag_names, _tag_count, _logs, _metrics):
        yield from readable(rule(environment))


def _zones(environment: Environment) -> Iterator[Finding]:
    yield from distinct("zones", environment.zones, str)


def _quota(environment: Environment) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name in environment.quota:
        if (earlier := first.setdefault(family(name), name)) != name:
            yield Finding(
                code="duplicate-entry",
                path=key_path(("quota", name)),
                given=shown(name),
                what=f"is the same to Azure as {earlier}: case and spaces do not count",
                allowed="one of them",
            )


def _tag_names(environment: Environment) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name in environment.tags:
        path = key_path(("tags", name))
        if not TAG_NAME.fullmatch(name):
            yield Finding(
                code="tag-name",
                path=path,
                given=shown(name),
                what="is no name that Azure takes for a tag",
                allowed="1 to 128 characters, none of them < > % & \\ ? /",
            )
        if (earlier := first.setdefault(name.casefold(), name)) != name:
            yield Finding(
                code="tag-name",
                path=path,
                given=shown(name),
                what=f"is the same to Azure as {earlier}: case does not count",
                allowed="one of them",
            )


def _tag_count(environment: Environment) -> Iterator[Finding]:
    count, private = len(environment.tags), environment.access.private
    most = MOST_ZONE_TAGS if private else MOST_TAGS - POOL_TAGS
    if count > most:
        yield Finding(
            code="too-many",
            path="tags",
            given=str(count),
            what=(
                "is more tags than the private DNS zone of a private cluster takes"
                if private
                else f"is more tags than a resource takes, with {POOL_TAGS} that GPU pools have besides"
            ),
            allowed=f"at most {most}",
        )


def _logs(environment: Environment) -> Iterator[Finding]:
    logs = environment.telemetry.diagnostics
    yield from distinct("telemetry.diagnostics", logs, str)
    if {"kube-audit", "kube-audit-admin"} <= set(logs):
        yield Finding(
            code="log-recorded-twice",
            severity=Severity.WARNING,
            path=f"telemetry.diagnostics[{logs.index('kube-audit-admin')}]",
            given="kube-audit-admin",
            what="is part of kube-audit, and is billed a second time",
            allowed="one of them; kube-audit-admin leaves out what only reads",
        )


def _metrics(environment: Environment) -> Iterator[Finding]:
    telemetry = environment.telemetry
    if telemetry.metrics:
        return
    for name, given in (("grafana", telemetry.grafana), ("action_group", telemetry.action_group)):
        if given:
            yield Finding(
                code="metrics-not-recorded",
                path=f"telemetry.{name}",
                given=shown(given),
                what="is of no use where no metrics are recorded",
                allowed="telemetry.metrics: true, or leave it out",
            )
