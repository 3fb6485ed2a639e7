"""What rules know beside the resource they judge: the stack, what governs it, and its plan."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import pulumi
from pydantic import ValidationError

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import (
    CONFIG_KEY,
    Environment,
    Finding,
    Governance,
    InvalidEnvironment,
    Waiver,
    is_whole,
    parse,
    validation_findings,
)
from policies.seen import Seen

NAMESPACE, _, ENVIRONMENT = CONFIG_KEY.partition(":")
GOVERNANCE = "governance"
"""Key of the same namespace under which a stack that is no environment says what governs it."""


@dataclass
class Context:
    """One run of the pack."""

    stack: str = ""
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    asked: Mapping[str, Any] | None = None
    """What stands under `inference-stack:environment`; None in a stack that is no environment."""
    own_governance: Mapping[str, Any] | None = None
    """What stands under `inference-stack:governance`."""
    resources: Sequence[Seen] = ()
    """All resources of the stack; empty until it is whole."""
    asked_for: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """What the program asked of each resource, by URN."""
    waived: dict[tuple[str, str], Waiver] = field(default_factory=dict[tuple[str, str], Waiver])
    """What was found and let pass: rule and subject, with the waiver."""

    @classmethod
    def of_run(cls) -> "Context":
        """The context of the stack that Pulumi runs the pack for; without one, only names are known."""
        config = pulumi.Config(NAMESPACE)
        asked, governance = config.get_object(ENVIRONMENT), config.get_object(GOVERNANCE)
        return cls(
            stack=pulumi.get_stack(),
            asked=asked if isinstance(asked, Mapping) else None,
            own_governance=governance if isinstance(governance, Mapping) else None,
        )

    @cached_property
    def environment(self) -> Environment | None:
        """What is asked for, as far as it can be read; the program itself tells what cannot."""
        return None if self.asked is None else parse(self.asked).environment

    @cached_property
    def governance(self) -> Governance:
        """What the organisation allows. Raises InvalidEnvironment for a stack's own that cannot be read."""
        if self.own_governance is not None:
            return _governance(self.own_governance)
        given = vars(self.environment).get("governance") if self.environment else None
        return given if isinstance(given, Governance) and is_whole(given) else Governance()

    @cached_property
    def planned(self) -> Plan | InvalidEnvironment | None:
        """The plan, or what forbids it; None in a stack that is no environment."""
        if self.asked is None:
            return None
        try:
            return plan_environment(self.asked, name=self.stack, file=f"Pulumi.{self.stack}.yaml")
        except InvalidEnvironment as wrong:
            return wrong

    @property
    def plan(self) -> Plan | None:
        """The plan, where there is one."""
        return self.planned if isinstance(self.planned, Plan) else None

    @property
    def findings(self) -> Sequence[Finding]:
        """What the planner finds, whether it forbids the plan or not."""
        return self.planned.findings if self.planned else ()

    def waiver(self, rule: str, subject: str) -> Waiver | None:
        """The waiver in force that lets a rule be broken there."""
        for waiver in self.governance.waivers:
            if waiver.covers(rule, subject) and not waiver.is_over(self.today):
                return waiver
        return None

    def as_asked(self, resource: Seen) -> Seen:
        """A resource with what was asked of it.

        At the end the engine hands over what a provider made of it: before there is a cluster, nothing.
        """
        return replace(resource, props=self.asked_for.get(resource.urn, resource.props))

    def of_type(self, *types: str) -> list[Seen]:
        """The resources of these types."""
        return [each for each in self.resources if each.type in types]


def _governance(given: Mapping[str, Any]) -> Governance:
    try:
        return Governance.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        wrong = validation_findings(error, Governance, given)
        raise InvalidEnvironment(f"{NAMESPACE}:{GOVERNANCE}", wrong) from None
