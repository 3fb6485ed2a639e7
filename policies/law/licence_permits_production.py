"""What is published for research alone serves nobody in production."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import LicenceUse
from inference_stack.planner.rules import licence_permits_production as planner_rule
from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.models import served
from policies.planner_rules import violations
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A model in production has a licence that permits it, to an organisation of this country.",
    why="Mistral's research licence, those of Qwen and EXAONE for research and CC BY-NC forbid it whatever "
    "somebody has put on a list; Llama 4 is not granted to organisations in the EU.",
    remedy="take another model, or a licence of the publisher for this use",
    on=[RAY_SERVICE],
    references=["inference_stack/planner/rules/data/licence_terms.csv names the source of each licence"],
)
def licence_permits_production(service: Seen, context: Context) -> Iterator[Violation]:
    """Models whose licence is for research alone, or not for this organisation."""
    domicile = context.governance.domicile
    for model in served(service):
        found = (
            planner_rule(LicenceUse(source=model.source, licence=claimed, domicile=domicile), CATALOG)
            for claimed in model.claims
        )
        yield from violations(list(dict.fromkeys(filter(None, found))))
