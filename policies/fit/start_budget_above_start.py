"""Nobody gives up on a replica that is about to be ready."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.models import served
from policies.rule import Violation, rule
from policies.seen import Seen

BUDGET = "VLLM_ENGINE_READY_TIMEOUT_S"
DEFAULT_S = 600
"""What vLLM waits where nothing is said (vllm/envs.py of 0.29.0)."""


@rule(
    demand="An engine may take as long to start as its start is predicted to take at the longest.",
    why="What gives up too soon starts anew, and loads for ever on GPUs that are paid for.",
    remedy=f"raise {BUDGET} in the runtime_env of the model",
    on=[RAY_SERVICE],
    references=["github.com/ray-project/ray: #63859, whose own tests wait 900 s"],
)
def start_budget_above_start(service: Seen, context: Context) -> Iterator[Violation]:
    """Models of the plan whose budget is below the slowest start that is predicted."""
    if context.plan is None:
        return
    planned = {model.name: model for model in context.plan.models}
    for model in served(service):
        plan = planned.get(str(model.config["model_loading_config"].get("model_id")))
        if plan is None or plan.cold_start is None:
            continue
        environment = (model.config.get("runtime_env") or {}).get("env_vars") or {}
        given, needed = int(environment.get(BUDGET, DEFAULT_S)), plan.cold_start.process.high
        if given < needed:
            yield Violation(
                f"spec.serveConfigV2: {BUDGET}",
                str(given),
                f"is less than the {needed:.0f} s that {plan.name} may take to start",
                f"at least {plan.cold_start.start_budget_s}",
                subject=plan.name,
            )
