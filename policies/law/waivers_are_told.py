"""What is let pass is said in every run."""

from collections.abc import Iterator

from inference_stack.spec import Waiver
from policies.context import Context
from policies.rule import STACK, Level, Violation, rule
from policies.seen import Seen


@rule(
    demand="What a waiver lets pass is told in every run, and a waiver that lets nothing pass goes.",
    why="What nobody sees any more, nobody mends.",
    remedy="mend it before the waiver ends, then remove the waiver",
    level=Level.ADVISORY,
    on=[STACK],
    whole=True,
    waivable=False,
)
def waivers_are_told(_: Seen, context: Context) -> Iterator[Violation]:
    """Every waiver in force, with what it covers."""
    told = [
        f"{waiver.rule} {_covered(waiver, context)}"
        for waiver in context.governance.waivers
        if not waiver.is_over(context.today)
    ]
    if told:
        yield Violation("governance.waivers", str(len(told)), "are in force\n- " + "\n- ".join(told))


def _covered(waiver: Waiver, context: Context) -> str:
    broken = sorted(subject for (_, subject), used in context.waived.items() if used is waiver)
    if not broken:
        return f"is waived for {waiver.scope}, and nothing there breaks it: remove the waiver"
    return (
        f"is broken by {', '.join(broken)} until {waiver.expires.isoformat()}; "
        f"{waiver.owner} answers for it: {waiver.evidence}"
    )
