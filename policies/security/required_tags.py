"""Everything in Azure says whose it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.context import Context
from policies.kinds import mcsb
from policies.rule import Violation, rule
from policies.seen import Seen
from policies.tagged import TAGGED


def with_tags(resource: Seen, context: Context) -> Mapping[str, Any] | None:
    """The resource with the tags of its environment that it lacks; None where none can be added."""
    given: Any = resource.get("tags", {})
    if context.environment is None or not isinstance(given, Mapping):
        return None
    known = vars(context.environment).get("tags") or {}
    required = context.governance.required_tags
    lacking = {tag: known[tag] for tag in required if tag not in given and tag in known}
    if not lacking:
        return None
    # Written in place: the SDK's own mapping keeps secrets secret and what is not known unknown.
    properties: Any = resource.props
    if "tags" not in properties or not given:
        properties["tags"] = {}
    for tag, value in lacking.items():
        properties["tags"][tag] = value
    return properties


@rule(
    demand="Every resource of Azure that takes tags has those that the organisation requires.",
    why="Without them nobody knows whom to ask, whom to bill, and what may be deleted.",
    remedy="add them under tags; at the level remediate those of the environment are added",
    on=TAGGED,
    references=["Cloud Adoption Framework: tagging strategy", mcsb("AM-1")],
    mend=with_tags,
)
def required_tags(resource: Seen, context: Context) -> Iterator[Violation]:
    """Tags that are not there, or empty."""
    given = resource.get("tags", {})
    for tag in context.governance.required_tags:
        if tag not in given or not given[tag]:
            yield Violation(f"tags.{tag}", None, "is required and is not there", "a text")
