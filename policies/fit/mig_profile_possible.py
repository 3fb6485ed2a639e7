"""A pool is cut only as AKS can cut the GPUs of its size."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner.rules import MigFacts
from inference_stack.planner.rules import mig_profile_possible as planner_rule
from policies.context import Context
from policies.kinds import AGENT_POOL
from policies.planner_rules import pool_facts, violations
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A pool asks for a MIG profile only where AKS can make it.",
    why="AKS refuses the pool minutes into the update, after everything before it has been made.",
    remedy="take a profile that the size has, or whole GPUs",
    on=[AGENT_POOL],
    references=["learn.microsoft.com/azure/aks/gpu-multi-instance"],
)
def mig_profile_possible(pool: Seen, _: Context) -> Iterator[Violation]:
    """Profiles that the size does not have."""
    facts = pool_facts(pool)
    asked = MigFacts(vm_size=facts.vm_size, gpu_instance_profile=facts.gpu_instance_profile)
    if finding := planner_rule(asked, CATALOG):
        yield from violations([finding])
