"""The RayService of one model of a plan, for the cluster it runs in. Registers nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from inference_stack.engine import (
    Adapters,
    HeadGroup,
    RayService,
    ServedModel,
    WorkerGroup,
    ray_service,
    serve_config,
)
from inference_stack.planner import (
    HEAD_CPU,
    HEAD_GIB,
    Plan,
    PlannedModel,
    node_selector,
    pool_taints,
)


@dataclass(frozen=True)
class Place:
    """The cluster in which a service runs, as its pods must know it."""

    namespace: str
    service_account: str
    """Service account of the pods, which is there already."""
    head_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of the nodes on which the Ray head may run; empty for any."""


def service_manifest(plan: Plan, model: PlannedModel, place: Place) -> dict[str, Any]:
    """The RayService manifest of a model of a plan, in JSON types.

    The nodes of its pools, their taints and the images follow from the plan.
    """
    environment = plan.environment
    pool = next(pool for pool in plan.pools if pool.name == model.pool)
    served = ServedModel(
        name=model.name,
        source=model.checkpoint,
        pool=pool.name,
        accelerator_type=pool.accelerator.ray_type,
        units=model.units,
        replicas_min=model.replicas_min,
        replicas_max=model.replicas_max,
        concurrency=model.concurrency,
        engine=model.engine,
        adapters=_adapters(plan, model),
        **({"start_budget_s": model.cold_start.start_budget_s} if model.cold_start else {}),
    )
    workers = WorkerGroup(
        name=pool.name,
        node_selector=node_selector(pool),
        image=environment.images.ray_arm64 if pool.arch == "arm64" else None,
        taints=(*pool_taints(pool.priority), *pool.taints),
        resource=pool.accelerator.resource,
        units=model.units,
        accelerator_type=pool.accelerator.ray_type,
        **model.worker.model_dump(),
        replicas_min=model.replicas_min,
        replicas_max=model.replicas_max,
    )
    return ray_service(
        RayService(
            name=model.name,
            namespace=place.namespace,
            image=environment.images.ray,
            service_account=place.service_account,
            head=HeadGroup(cpu=HEAD_CPU, memory_gib=HEAD_GIB, node_selector=dict(place.head_selector)),
            workers=(workers,),
            serve=serve_config([served], name=model.name),
        )
    )


def _adapters(plan: Plan, model: PlannedModel) -> Adapters | None:
    if not model.adapters:
        return None
    account = plan.environment.storage_account
    # As many as the plan left memory for.
    count = int(str(model.engine["max_loras"]))
    return Adapters(path=f"abfss://adapters@{account}.dfs.core.windows.net/{model.name}", count=count)


def deployable(plan: Plan) -> None:
    """Raise RunError for what a plan can size and this program cannot make yet, before it makes anything."""
    for model in plan.models:
        for asked, what in (
            (model.prefill is not None, "prefill and decode on replicas of their own (disaggregated)"),
            (model.share < 1, "several models on one GPU (shared_gpus)"),
        ):
            if asked:
                raise pulumi.RunError(
                    f"model {model.name}: {what} can be planned, and not yet deployed; "
                    "`inference-stack plan` shows it"
                )
