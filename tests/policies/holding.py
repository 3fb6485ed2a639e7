"""Rules held against resources as the policy SDK holds them, without an engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import unknown_checking_proxy

from policies.context import Context
from policies.pack import policies
from policies.seen import NotCheckedYet

STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Made:
    """A resource as a program registers it."""

    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Names of the resources that a property is made from."""

    @property
    def urn(self) -> str:
        return f"urn:pulumi:test::test::{self.type}::{self.name}"


@dataclass
class Held:
    """What came of it."""

    broken: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    """By rule: resource or stack, and what was told."""
    not_checked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    mandatory: set[str] = field(default_factory=set[str])
    """Rules that were broken and stop the run."""

    def by(self, rule: str) -> list[str]:
        """Names of what breaks a rule."""
        return [name for name, _ in self.broken.get(rule, ())]


def held(
    resources: Iterable[Made],
    context: Context | None = None,
    only: str | None = None,
    *,
    nothing_made: bool = False,
) -> Held:
    """Every rule, or one alone, held against a stack of these resources.

    With `nothing_made`, the stack as a whole has no properties, as in a preview before there is a cluster.
    """
    context = context or Context(stack="test")
    stack = [Made(STACK, context.stack), *resources]
    found = Held()
    for policy in policies(context):
        if policy.enforcement_level is EnforcementLevel.DISABLED or (only and policy.name != only):
            continue
        if isinstance(policy, ResourceValidationPolicy):
            for each in stack:
                _hold(found, policy, _args(each), each.name)
        elif isinstance(policy, StackValidationPolicy):
            made = [replace(each, props={}) for each in stack] if nothing_made else stack
            whole = StackValidationArgs(_resources(made))
            _hold(found, policy, whole, context.stack)
    return found


def _hold(found: Held, policy: Any, args: Any, name: str) -> None:
    def report(message: str, urn: str | None = None) -> None:
        where = urn.rsplit("::", 1)[1] if urn else name
        found.broken.setdefault(policy.name, []).append((where, message))
        if policy.enforcement_level is not EnforcementLevel.ADVISORY:
            found.mandatory.add(policy.name)

    try:
        policy.validate(args, report)
    except NotCheckedYet as unknown:
        found.not_checked.setdefault(policy.name, []).append(f"{name}: {unknown.message}")


def _args(made: Made) -> ResourceValidationArgs:
    nothing: Any = None
    props = unknown_checking_proxy(dict(made.props))
    return ResourceValidationArgs(made.type, props, made.urn, made.name, nothing, None)


def _resources(stack: list[Made]) -> list[PolicyResource]:
    nothing: Any = None
    seen = [
        PolicyResource(
            each.type,
            unknown_checking_proxy(dict(each.props)),
            each.urn,
            each.name,
            nothing,
            None,
            None,
            [],
            {},
        )
        for each in stack
    ]
    for made, one in zip(stack, seen, strict=True):
        for name, made_from in made.depends_on.items():
            one.property_dependencies[name] = [each for each in seen if each.name in made_from]
    return seen
