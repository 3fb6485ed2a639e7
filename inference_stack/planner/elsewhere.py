"""Models on a pool that exists: they run in that pool's cluster, which this stack neither makes nor owns."""

from collections.abc import Iterator, Mapping, Sequence

from inference_stack.spec import Finding, Severity

from .heads import head_size
from .plan import PlannedModel, PlannedPool


def at_home(models: Sequence[PlannedModel], pools: Sequence[PlannedPool]) -> tuple[PlannedModel, ...]:
    """The models that run in the cluster of the environment."""
    there = {pool.name for pool in pools if pool.cluster}
    return tuple(model for model in models if model.pool not in there)


def elsewhere_findings(model: PlannedModel, pools: Mapping[str, PlannedPool]) -> Iterator[Finding]:
    """What another cluster gives a model that no figure of the plan counts; paths from the model."""
    cluster = pools[model.pool].cluster
    if cluster:
        yield Finding(
            code="head-in-other-cluster",
            severity=Severity.NOTE,
            path="placement",
            what=(
                f"puts it into the cluster {cluster.rpartition('/')[2]}, where its Ray head takes "
                f"{head_size()} of nodes that this plan neither counts nor prices"
            ),
        )
