"""What the planner finds in the environment of a stack, as rules of the pack tell it."""

import re
from collections.abc import Collection, Iterator

from inference_stack.spec import Finding
from policies.context import Context
from policies.rule import Violation

_ENTRY = re.compile(r"^(models|pools)\[(\d+)\]")


def found_by_planner(codes: Collection[str], context: Context) -> Iterator[Violation]:
    """The findings with these codes, whether construction stops at them or warns."""
    for finding in context.findings:
        if finding.code in codes:
            yield Violation(
                finding.path,
                finding.given,
                finding.what,
                finding.allowed,
                finding.remedy,
                subject_of(finding, context),
            )


def subject_of(finding: Finding, context: Context) -> str:
    """The name of the model or pool that a finding is about; else the part of the environment."""
    entry = _ENTRY.match(finding.path)
    if entry is None or context.asked is None:
        return finding.path.partition(".")[0]
    named = context.asked[entry[1]][int(entry[2])]
    return str(named.get("name", finding.path))
