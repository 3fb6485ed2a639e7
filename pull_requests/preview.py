"""What Pulumi says of a preview: the steps in its JSON, and what the policies found in its event log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FAILED = "preview failed"
"""Pulumi's last word after a mandatory policy that was violated: it went on to the end."""

MENDED = "remediate"
"""Level of what a policy has put right by itself."""

State = Mapping[str, Any]
"""A resource, as Pulumi's state has it."""


@dataclass(frozen=True)
class Step:
    """What Pulumi would do about one resource."""

    op: str
    urn: str
    old: State
    new: State


@dataclass(frozen=True)
class Violation:
    """What one policy holds against one resource."""

    policy: str
    level: str
    urn: str
    message: str


@dataclass(frozen=True)
class Preview:
    """A preview that has ended, for better or worse."""

    steps: tuple[Step, ...]
    violations: tuple[Violation, ...]
    policies: frozenset[str]
    """Those that judged anything."""
    errors: tuple[str, ...]
    """Why it did not come to its end; empty if it did, whatever the policies say."""

    @property
    def forbidden(self) -> bool:
        """Whether a mandatory policy is violated."""
        return any(each.level == "mandatory" for each in self.violations)


def read_preview(steps: str, events: str, said: str = "") -> Preview:
    """The preview that `pulumi preview --json --event-log` left.

    Args:
        steps: what it printed.
        events: its event log, one JSON object a line.
        said: what it printed as errors, for where it did not even begin.
    """
    log = [json.loads(line) for line in events.splitlines() if line.strip()]
    errors = tuple(dict.fromkeys(_errors(log)))
    if not steps.startswith("{"):
        return Preview((), (), frozenset(), errors or ((said or steps).strip() or "Pulumi said nothing",))
    found = json.loads(steps)
    ended = any("summaryEvent" in event for event in log)
    return Preview(
        steps=tuple(
            Step(step["op"], step["urn"], step.get("oldState") or {}, step.get("newState") or {})
            for step in found.get("steps", ())
        ),
        violations=tuple(dict.fromkeys(_violations(log))),
        policies=frozenset(_judged(log)),
        errors=errors if errors or ended else ("Pulumi was stopped before it ended",),
    )


def _errors(log: list[Any]) -> Iterator[str]:
    for event in log:
        said = event.get("diagnosticEvent") or event.get("errorEvent")
        if said and said.get("severity", "error") == "error":
            message = (said.get("message") or said.get("error") or "").strip()
            if message and message != FAILED:
                yield message


def _violations(log: list[Any]) -> Iterator[Violation]:
    for event in log:
        if found := event.get("policyEvent"):
            yield Violation(
                policy=found["policyName"],
                level=found["enforcementLevel"],
                urn=found.get("resourceUrn", ""),
                message=found["message"].strip(),
            )
        elif mended := event.get("policyRemediationEvent"):
            yield Violation(mended["policyName"], MENDED, mended.get("resourceUrn", ""), _mended(mended))


def _mended(event: Any) -> str:
    before, after = event.get("before") or {}, event.get("after") or {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return f"mends it: {', '.join(names)}"


def _judged(log: list[Any]) -> Iterator[str]:
    for event in log:
        for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent"):
            found = event.get(kind) or {}
            yield from found.get("passed") or ()
            yield from found.get("failed") or ()
