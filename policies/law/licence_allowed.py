"""Only models under an allowed licence are served."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import LicenceFacts
from inference_stack.planner.rules import licence_allowed as planner_rule
from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.models import served
from policies.planner_rules import violations
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A model is served only under a licence that the organisation allows.",
    why="Weights are published under terms that bind whoever serves them: Apache-2.0 and MIT hardly, those "
    "of Llama, Gemma and Mistral's research with conditions that somebody must have read.",
    remedy="choose another model, or add the licence to governance.licences after legal review",
    on=[RAY_SERVICE],
)
def licence_allowed(service: Seen, context: Context) -> Iterator[Violation]:
    """Models under a licence that is not listed, or that nobody knows."""
    allowed = context.governance.licences
    for model in served(service):
        found = (
            planner_rule(LicenceFacts(source=model.source, claimed=claimed, allowed=allowed), CATALOG)
            for claimed in model.claims
        )
        yield from violations(list(dict.fromkeys(filter(None, found))))
