"""No RayService asks KubeRay, Ray Serve or vLLM for what they refuse."""

from collections.abc import Iterator

from inference_stack.engine import check_ray_service
from inference_stack.spec import Severity
from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.planner_rules import violations
from policies.rule import Violation, rule
from policies.seen import Seen, plain


@rule(
    demand="A service asks KubeRay, Ray Serve and vLLM only for what they take.",
    why="Without a cluster a preview cannot ask them; they refuse when the GPUs are there and paid for.",
    remedy="write what the pinned versions take: docs/engine-arguments.md and docs/rules.md",
    on=[RAY_SERVICE],
    references=["docs/rules.md names the source of each check"],
)
def engine_arguments_valid(service: Seen, _: Context) -> Iterator[Violation]:
    """Everything in a manifest that would be refused, or misread in silence."""
    parts = ("apiVersion", "kind", "metadata", "spec")
    manifest = {key: plain(service.props[key]) for key in parts if key in service.props}
    wrong = (each for each in check_ray_service(manifest) if each.severity is Severity.ERROR)
    yield from violations(wrong)
