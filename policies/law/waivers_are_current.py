"""No waiver outlives its day."""

from collections.abc import Iterator

from policies.context import Context
from policies.rule import STACK, Violation, every_rule, rule
from policies.seen import Seen


@rule(
    demand="Every waiver is in force and names a rule of this pack.",
    why="A waiver is a promise to mend something by a day. One that has run out is a broken promise, and "
    "what it let pass is no longer let pass.",
    remedy="mend what the waiver let pass and remove it, or renew it with new evidence",
    on=[STACK],
    whole=True,
    waivable=False,
)
def waivers_are_current(_: Seen, context: Context) -> Iterator[Violation]:
    """Waivers that have run out, and those of rules that are not there."""
    names = {each.name for each in every_rule()}
    for index, waiver in enumerate(context.governance.waivers):
        path = f"governance.waivers[{index}]"
        if waiver.is_over(context.today):
            yield Violation(
                f"{path}.expires",
                waiver.expires.isoformat(),
                f"has passed: {waiver.owner} let {waiver.rule} be broken by {waiver.scope} until then",
                f"a day from {context.today.isoformat()} on",
                subject=waiver.rule,
            )
        if waiver.rule not in names:
            yield Violation(
                f"{path}.rule",
                waiver.rule,
                "is no rule of this pack",
                "a name in docs/policies.md",
                remedy="correct the name, or remove the waiver",
                subject=waiver.rule,
            )
