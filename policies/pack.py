"""Rules as Pulumi's policies: what they find is told, waived, or not checked yet, and never lost."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.context import Context
from policies.levels import level_of
from policies.rule import Rule, Violation, every_rule
from policies.seen import NotCheckedYet, Seen

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of a value of another type than goes there."""

LAST = ("waivers-are-told",)
"""Rules that tell what others found, and so come after them."""


def policies(context: Context) -> list[Policy]:
    """Every rule at its level in the context's environment."""
    rules = sorted(every_rule(), key=lambda each: each.name in LAST)
    return [policy(rule, context) for rule in rules]


def policy(rule: Rule, context: Context) -> Policy:
    """One rule as a policy of Pulumi."""
    level = EnforcementLevel(level_of(rule, context.stack).value)
    about: dict[str, Any] = {
        "name": rule.name,
        "description": rule.demand,
        "enforcement_level": level,
        "remediation_steps": rule.remedy,
    }
    if rule.whole:
        return StackValidationPolicy(validate=_of_stack(rule, context), **about)
    return ResourceValidationPolicy(validate=_of_resource(rule, context), **about, **_mending(rule, context))


def told(rule: Rule, violation: Violation) -> str:
    """A violation for people: what is wrong, what is allowed, what to do."""
    given = "" if violation.given is None else f" = {violation.given}"
    lines = [f"{violation.path}{given}: {violation.what}"]
    if violation.allowed:
        lines.append(f"allowed: {violation.allowed}")
    lines.append(f"do: {violation.remedy or rule.remedy}")
    return "\n".join(lines)


def _of_resource(rule: Rule, context: Context) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        seen = Seen.of(args)
        context.asked_for[seen.urn] = seen.props
        if seen.type not in rule.on:
            return
        try:
            _judge(rule, seen, context, report)
        except UnknownValueError as unknown:
            raise NotCheckedYet([".".join(unknown.props)]) from None

    return validate


def _of_stack(rule: Rule, context: Context) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        context.resources = [context.as_asked(Seen.of(each)) for each in args.resources]
        unknown: list[str] = []
        for seen in context.of_type(*rule.on):
            try:
                _judge(rule, seen, context, report)
            except UnknownValueError as wrong:
                unknown.append(f"{seen.name}: {'.'.join(wrong.props)}")
        if unknown:
            raise NotCheckedYet(unknown)

    return validate


def _judge(rule: Rule, seen: Seen, context: Context, report: ReportViolation) -> None:
    for violation in _found(rule, seen, context):
        subject = violation.subject or seen.name
        if rule.waivable and (waiver := context.waiver(rule.name, subject)):
            context.waived[rule.name, subject] = waiver
        else:
            report(told(rule, violation), seen.urn or None)


def _found(rule: Rule, seen: Seen, context: Context) -> Iterator[Violation]:
    """What a rule finds; a resource of a form that it cannot read does not pass."""
    try:
        yield from rule.judge(seen, context)
    except UNREADABLE as wrong:
        yield Violation(
            seen.type,
            seen.name,
            f"has a form that the rule cannot read: {type(wrong).__name__}: {wrong}",
            remedy="write it as its schema says, or waive the rule for it",
        )


def _mending(rule: Rule, context: Context) -> dict[str, Any]:
    """The remediation of a rule, where mending is safe."""
    if rule.mend is None:
        return {}
    mend = rule.mend

    def remediate(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
        seen = Seen.of(args)
        if seen.type not in rule.on or context.waiver(rule.name, seen.name):
            return None
        return mend(seen, context)

    return {"remediate": remediate}
