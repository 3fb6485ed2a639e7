"""A GPU pool is tainted, and reachable from zero nodes or kept above zero for a reason."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from inference_stack.catalog import Catalog, Sku
from inference_stack.planner.accelerator import WHOLE_GPU, slice_resource
from inference_stack.planner.node_template import GPU_TAINT, IDLE_REASON_TAG, template_tag
from inference_stack.spec import Finding, MigStrategy

from .facts import Facts


class GpuPoolFacts(Facts):
    """What decides whether a GPU pool is reached by the pods it is meant for, and only by them."""

    vm_size: str = Field(description="ARM's vmSize.")
    gpu_instance_profile: str | None = Field(description="ARM's gpuInstanceProfile; None for whole GPUs.")
    node_taints: tuple[str, ...] = Field(description="ARM's nodeTaints.")
    tags: Mapping[str, str] = Field(description="ARM's tags.")
    min_count: int = Field(description="ARM's minCount.")
    strategy: str | None = Field(
        default=None, description="MIG strategy of the device plugin, where known; ARM does not keep it."
    )


def gpu_pool_reachable(facts: GpuPoolFacts, catalog: Catalog) -> Iterator[Finding]:
    """What is wrong with a GPU pool. A pool without GPUs, or of a size outside the catalog, is not judged."""
    sku = catalog.skus.get(facts.vm_size)
    if sku is None or sku.gpu is None:
        return
    if not any(taint.startswith("nvidia.com/gpu=") for taint in facts.node_taints):
        yield Finding(
            code="gpu-pool-untainted",
            path="node_taints",
            given=", ".join(facts.node_taints) or None,
            what="does not keep pods without GPU work away",
            allowed=f"with {GPU_TAINT}",
        )
    if facts.min_count > 0:
        yield from _kept_for_a_reason(facts)
    else:
        yield from _reached_from_zero(facts, sku, catalog)


def _kept_for_a_reason(facts: GpuPoolFacts) -> Iterator[Finding]:
    if not facts.tags.get(IDLE_REASON_TAG):
        yield Finding(
            code="gpu-pool-idle-without-reason",
            path="min_count",
            given=str(facts.min_count),
            what="keeps GPU nodes that are paid for when nobody asks for anything, and does not say why",
            allowed="0, or more with a written reason",
        )


def _reached_from_zero(facts: GpuPoolFacts, sku: Sku, catalog: Catalog) -> Iterator[Finding]:
    wanted = _template(facts, sku, catalog)
    if not wanted or any(facts.tags.get(tag) == count for tag, count in wanted.items()):
        return
    given = {tag: facts.tags[tag] for tag in wanted if tag in facts.tags}
    yield Finding(
        code="gpu-pool-unreachable",
        path="tags",
        given=_listed(given) or None,
        what=(
            "does not tell the cluster autoscaler what a node offers before there is one: "
            "from zero nodes the pool is never reached, or with a wrong count"
        ),
        allowed=_listed(wanted),
    )


def _template(facts: GpuPoolFacts, sku: Sku, catalog: Catalog) -> dict[str, str]:
    """The tags of which one must be there; none where the autoscaler knows by itself.

    The strategy is no property of an AgentPool, so without it the tag of either strategy will do.
    """
    if facts.gpu_instance_profile is None:
        whole = {template_tag(WHOLE_GPU): str(sku.gpus)}
        return {} if sku.autoscaler_knows_gpus and whole.keys().isdisjoint(facts.tags) else whole
    row = catalog.mig(facts.vm_size, facts.gpu_instance_profile)
    if row is None:
        return {}
    strategies = [facts.strategy] if facts.strategy else list(MigStrategy)
    count = str(sku.gpus * row.per_gpu)
    return {template_tag(slice_resource(row.profile, strategy)): count for strategy in strategies}


def _listed(tags: Mapping[str, str]) -> str:
    return " or ".join(f"{tag}: {count}" for tag, count in tags.items())
