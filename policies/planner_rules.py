"""What the rules of the planner are told of an AKS node pool, and how what they find becomes a violation."""

from collections.abc import Iterable, Iterator

from inference_stack.planner.rules import GpuPoolFacts
from inference_stack.spec import Finding
from policies.rule import Violation
from policies.seen import Seen


def pool_facts(pool: Seen) -> GpuPoolFacts:
    """The facts of a node pool, as it is sent to ARM."""
    return GpuPoolFacts(
        vm_size=pool.props["vmSize"],
        gpu_instance_profile=pool.get("gpuInstanceProfile"),
        node_taints=tuple(pool.plain("nodeTaints", ())),
        tags=pool.plain("tags", {}),
        min_count=int(pool.get("minCount", 0)),
    )


def violations(findings: Iterable[Finding], subject: str | None = None) -> Iterator[Violation]:
    """What the planner's own rules found, as the pack tells it."""
    for found in findings:
        yield Violation(found.path, found.given, found.what, found.allowed, found.remedy, subject)
