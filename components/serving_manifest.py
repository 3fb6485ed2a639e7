"""The RayServices of a plan, each for the cluster it runs in. Registers nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    Service,
    adapters_folder,
    gpus_shared,
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


def service_manifest(plan: Plan, service: Service, place: Place) -> dict[str, Any]:
    """The RayService manifest of a service of a plan, in JSON types.

    The nodes of its pools, their taints and the image follow from the plan.
    """
    workers, serve = _shared(plan, service) if service.shares_gpus else _alone(plan, service.models[0])
    return ray_service(
        RayService(
            name=service.name,
            namespace=place.namespace,
            # Ray's autoscaler, which KubeRay puts beside the head, is of the same image.
            image=reference(plan.environment),
            service_account=place.service_account,
            licences=tuple(sorted({model.licence for model in service.models})),
            head=HeadGroup(cpu=HEAD_CPU, memory_gib=HEAD_GIB, node_selector=dict(place.head_selector)),
            workers=tuple(workers),
            serve=serve,
            upgrade=service.upgrade,
            gcs_fault_tolerance=plan.environment.cluster.gcs_fault_tolerance,
        )
    )


def _alone(plan: Plan, model: PlannedModel) -> tuple[list[WorkerGroup], ServeConfig]:
    """A model with workers of its own; disaggregated, each side has them, also where both lie on one pool."""
    if not model.prefill:
        served = _served(plan, model, model, model.pool)
        return [_workers(plan, model, model.pool)], serve_config([served], name=model.name)
    writing, reading = f"{model.pool}-decode", f"{model.prefill.pool}-prefill"
    workers = [_workers(plan, model, writing), _workers(plan, model.prefill, reading)]
    serve = disaggregated_config(
        prefill=_served(plan, model, model.prefill, reading),
        decode=_served(plan, model, model, writing),
        name=model.name,
    )
    return workers, serve


def _shared(plan: Plan, service: Service) -> tuple[list[WorkerGroup], ServeConfig]:
    """Models that share GPUs: one group of workers with a GPU each, on which Ray packs their replicas."""
    first, models = service.models[0], service.models
    workers = _workers(plan, first, first.pool).model_copy(
        update={
            "replicas_min": gpus_shared((model, model.replicas_min) for model in models),
            "replicas_max": gpus_shared((model, model.replicas_max) for model in models),
        }
    )
    served = [_served(plan, model, model, first.pool) for model in models]
    return [workers], serve_config(served, name=service.name)


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
        share=model.share,
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
    # As many as the plan left memory for.
    count = int(str(replicas.engine["max_loras"]))
    return Adapters(path=adapters_folder(plan.environment, model.name), count=count)


def deployable(plan: Plan) -> None:
    """Raise InvalidEnvironment for an image that lies nowhere, before anything is made."""
    if wrong := list(unpublished_findings(plan.environment.images)):
        raise InvalidEnvironment(f"Pulumi.{plan.name}.yaml", wrong)
