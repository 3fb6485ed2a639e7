"""A model comes from where the industry may take one from."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import OriginFacts
from inference_stack.planner.rules import origin_allowed as planner_rule
from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.models import served
from policies.planner_rules import violations
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="The origin of a model is allowed to the industry of the organisation in its country.",
    why="Several countries bar public bodies and defence from DeepSeek, and some from all AI of certain "
    "countries; elsewhere it is a risk of the vendor that somebody must have weighed.",
    remedy="take a model of another origin, or have it reviewed and waive this with the review as evidence",
    on=[RAY_SERVICE],
    references=["inference_stack/planner/rules/data/restrictions.csv names the source of each restriction"],
)
def origin_allowed(service: Seen, context: Context) -> Iterator[Violation]:
    """Models whose publisher or country is barred, or to be weighed, in this industry."""
    governance = context.governance
    for model in served(service):
        facts = OriginFacts(source=model.source, industry=governance.industry, domicile=governance.domicile)
        yield from violations(planner_rule(facts, CATALOG))
