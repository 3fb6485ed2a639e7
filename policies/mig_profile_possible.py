"""A pool is cut only as AKS can cut the GPUs of its size."""

from collections.abc import Iterator

from inference_stack.catalog import Catalog
from inference_stack.planner.rules import GpuPoolFacts, MigFacts
from inference_stack.planner.rules import mig_profile_possible as rule
from inference_stack.spec import Finding
from policies.agent_pool import pool_policy


def _judge(facts: GpuPoolFacts, catalog: Catalog) -> Iterator[Finding]:
    asked = MigFacts(vm_size=facts.vm_size, gpu_instance_profile=facts.gpu_instance_profile)
    if finding := rule(asked, catalog):
        yield finding


mig_profile_possible = pool_policy(
    "mig-profile-possible", "A pool asks for a MIG profile only where AKS can make it.", _judge
)
