"""The RayService of one model of a plan, for the cluster it runs in. Registers nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pydantic import BaseModel

from inference_stack.engine import (
    Adapters,
    HeadGroup,
    RayService,
    ServeConfig,
    ServedModel,
    WorkerGroup,
    disaggregated_config,
    ray_service,
    serve_config,
)
from inference_stack.planner import (
    HEAD_CPU,
    HEAD_GIB,
    Plan,
    PlannedModel,
    PlannedPool,
    PlannedPrefill,
    node_selector,
    pool_taints,
)
from inference_stack.spec import InvalidEnvironment, unpublished_findings
from serving.image import reference

from .serving_settings import admission_settings, autoscaling_settings


def _any_amd64() -> dict[str, str]:
    return {"kubernetes.io/arch": "amd64"}


@dataclass(frozen=True)
class Place:
    """The cluster in which a service runs, as its pods must know it."""

    namespace: str
    service_account: str
    """Service account of the pods, which is there already."""
    head_selector: Mapping[str, str] = field(default_factory=_any_amd64)
    """Labels of the nodes on which the Ray head may run; its image is for amd64."""


def service_manifest(plan: Plan, model: PlannedModel, place: Place) -> dict[str, Any]:
    """The RayService manifest of a model of a plan, in JSON types.

    The nodes of its pools, their taints and the images follow from the plan. Of a disaggregated model, each
    side has workers of its own, also where both lie on one pool.
    """
    writing = f"{model.pool}-decode" if model.prefill else model.pool
    workers = [_workers(plan, model, writing)]
    if model.prefill:
        reading = f"{model.prefill.pool}-prefill"
        workers.append(_workers(plan, model.prefill, reading))
        serve = disaggregated_config(
            prefill=_served(plan, model, model.prefill, reading),
            decode=_served(plan, model, model, writing),
            name=model.name,
        )
    else:
        serve = serve_config([_served(plan, model, model, writing)], name=model.name)
    return _manifest(plan, model, place, workers, serve)


def _manifest(
    plan: Plan, model: PlannedModel, place: Place, workers: list[WorkerGroup], serve: ServeConfig
) -> dict[str, Any]:
    return ray_service(
        RayService(
            name=model.name,
            namespace=place.namespace,
            # Ray's autoscaler, which KubeRay puts beside the head, is of the same image.
            image=reference(plan.environment.images),
            service_account=place.service_account,
            licence=model.licence,
            head=HeadGroup(cpu=HEAD_CPU, memory_gib=HEAD_GIB, node_selector=dict(place.head_selector)),
            workers=tuple(workers),
            serve=serve,
            upgrade=model.upgrade,
        )
    )


def _pool(plan: Plan, name: str) -> PlannedPool:
    return next(pool for pool in plan.pools if pool.name == name)


def _served(
    plan: Plan, model: PlannedModel, replicas: PlannedModel | PlannedPrefill, group: str
) -> ServedModel:
    """The model on replicas of its own or, disaggregated, on those that read its prompts.

    The latter are never routed by prefix: a replica that writes is their client, and Ray would put the
    router's memory into that replica's placement group, which has no room for it and goes with it.
    """
    start = {"start_budget_s": model.cold_start.start_budget_s} if model.cold_start else {}
    return ServedModel(
        name=model.name,
        source=model.weights or model.checkpoint,
        group=group,
        accelerator_type=_pool(plan, replicas.pool).accelerator.ray_type,
        units=replicas.units,
        replicas_min=replicas.replicas_min,
        replicas_max=replicas.replicas_max,
        concurrency=replicas.concurrency,
        engine=replicas.engine,
        adapters=_adapters(plan, model, replicas),
        routing="balanced" if replicas is model.prefill else model.routing,
        autoscaling=_said(autoscaling_settings(model)),
        admission=_said(admission_settings(model)),
        **start,
    )


def _said(settings: BaseModel | None) -> dict[str, Any] | None:
    """Settings without what is left at its default."""
    return settings and settings.model_dump(exclude_unset=True, exclude_none=True)


def _workers(plan: Plan, replicas: PlannedModel | PlannedPrefill, group: str) -> WorkerGroup:
    pool = _pool(plan, replicas.pool)
    return WorkerGroup(
        name=group,
        node_selector=node_selector(pool),
        taints=(*pool_taints(pool.priority), *pool.taints),
        resource=pool.accelerator.resource,
        units=replicas.units,
        accelerator_type=pool.accelerator.ray_type,
        **replicas.worker.model_dump(),
        replicas_min=replicas.replicas_min,
        replicas_max=replicas.replicas_max,
    )


def _adapters(plan: Plan, model: PlannedModel, replicas: PlannedModel | PlannedPrefill) -> Adapters | None:
    if not model.adapters:
        return None
    account = plan.environment.storage_account
    # As many as the plan left memory for.
    count = int(str(replicas.engine["max_loras"]))
    return Adapters(path=f"abfss://adapters@{account}.dfs.core.windows.net/{model.name}", count=count)


def deployable(plan: Plan) -> None:
    """Raise for what a plan can have and this program cannot make, before it makes anything.

    RunError for what it cannot make yet, InvalidEnvironment for an image that lies nowhere.
    """
    for model in plan.models:
        if model.share < 1:
            raise pulumi.RunError(
                f"model {model.name}: several models on one GPU (shared_gpus) can be planned, and not yet "
                "deployed; `inference-stack plan` shows it"
            )
    if wrong := list(unpublished_findings(plan.environment.images)):
        raise InvalidEnvironment(f"Pulumi.{plan.name}.yaml", wrong)
