"""Where the models of a RayService and its pods do not go together."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.engine.document import at, quantity
from inference_stack.engine.schema import joined
from inference_stack.spec import Severity

from .model_use import ModelUse
from .pod import KUBERAY, gpus
from .ray_cluster import Group, kept
from .ray_service import CLUSTER, SERVE_CONFIG, ServiceUse
from .rule import Fault, Rule, rule


@rule(
    "nowhere-to-run",
    Severity.ERROR,
    states="For each worker of an engine there is a group of pods that offers what it asks for.",
    reference="ray 2.60.0, ray/autoscaler/_private/kuberay/autoscaling_config.py: "
    "_get_ray_resources_from_group_spec",
)
def _nowhere_to_run(use: ServiceUse) -> Iterator[Fault]:
    cluster = use.cluster
    for path, model in use.serve.models if cluster.workers else ():
        if model.kind == "tpu" or not model.bundles:
            continue
        asked = _asked(model)
        lacking = [_lacking(group, asked, cluster.autoscaling) for group in cluster.groups]
        if all(lacking):
            nowhere = sorted(name for name in lacking[0] if all(name in names for names in lacking))
            yield Fault(
                path=joined(SERVE_CONFIG, path, _said_at(nowhere)),
                given=", ".join(f"{name} {quantity(asked[name]):g}" for name in nowhere or sorted(asked)),
                what="no group of pods offers it"
                + ("" if nowhere else " all together")
                + ": the model waits for a place without end",
                allowed="what `resources`, rayStartParams or limits of a group say; of a group at zero the "
                "autoscaler knows no type of GPU that none of them names",
            )


def resource_of(use: ServiceUse, model: ModelUse) -> str | None:
    """The Kubernetes resource of the card or slice that a model gets; None where it may be one or another."""
    asked, cluster = _asked(model), use.cluster
    homes = [group for group in cluster.workers if not _lacking(group, asked, cluster.autoscaling)]
    found = {name for group in homes for name in gpus(group.container)}
    return found.pop() if len(found) == 1 else None


def _asked(model: ModelUse) -> dict[str, Any]:
    """What the first worker of a replica asks a Ray node for, with the replica's own process beside it."""
    asked = dict(model.bundles[0]) if model.bundles else {}
    for name, amount in model.replica.items():
        asked[name] = (quantity(asked.get(name)) or 0) + amount
    named = model.config.get("accelerator_type")
    if isinstance(named, str):
        asked.setdefault(f"accelerator_type:{'A10G' if named == 'A10' else named}", 0.001)
    return asked


def _lacking(group: Group, asked: Mapping[str, Any], autoscaling: bool) -> list[str]:
    """Names of what pods of a group do not offer."""
    offered = group.offered
    found: list[str] = []
    for name, given in asked.items():
        amount = quantity(given) or 0
        if not amount or name in {"memory", "object_store_memory"} or name.startswith("node:"):
            continue
        if (
            name == "CPU"
            and not offered["CPU"]
            and "num-cpus" not in group.start
            and not group.spec.get("resources")
        ):
            # Ray counts the node's.
            continue
        named = any(each.startswith("accelerator_type:") for each in offered)
        seen = offered["GPU"] > 0 and (not autoscaling or kept(group) > 0)
        if name.startswith("accelerator_type:") and not named and seen:
            # Ray finds the type where there is a GPU to look at.
            continue
        if offered.get(name, 0) < amount:
            found.append(name)
    return found


def _said_at(nowhere: list[str]) -> str:
    if nowhere and all(name.startswith("accelerator_type:") for name in nowhere):
        return "accelerator_type"
    return "deployment_config.ray_actor_options" if nowhere == ["CPU"] else "placement_group_config"


@rule(
    "bundles-beyond-pod",
    Severity.ERROR,
    states="Workers that must lie on one node find as many GPUs in one pod.",
    reference="ray 2.60.0, ray/util/placement_group.py: STRICT_PACK",
)
def _bundles_beyond_pod(use: ServiceUse) -> Iterator[Fault]:
    largest = max((group.offered["GPU"] for group in use.cluster.groups), default=0)
    for path, model in use.serve.models:
        strict = at(model.config, "placement_group_config", "strategy") == "STRICT_PACK"
        wanted = sum(quantity(bundle.get("GPU")) or 0 for bundle in model.bundles)
        if strict and 0 < largest < wanted:
            yield Fault(
                path=joined(SERVE_CONFIG, path, "placement_group_config.strategy"),
                given="STRICT_PACK",
                what=f"a replica wants {wanted:g} GPUs on one node, and no pod has more than {largest:g}",
                remedy="have larger pods, fewer workers, or PACK",
            )


@rule(
    "tensor-parallel-across-pods",
    Severity.WARNING,
    states="The workers of a tensor lie in one pod.",
    reference="vllm 0.29.0, docs/serving/parallelism_scaling.md: tensor parallel within a node",
)
def _tensor_parallel_across_pods(use: ServiceUse) -> Iterator[Fault]:
    largest = max((group.offered["GPU"] for group in use.cluster.groups), default=0)
    for path, model in use.serve.models:
        size = quantity(model.engine.get("tensor_parallel_size")) or 1
        strict = at(model.config, "placement_group_config", "strategy") == "STRICT_PACK"
        if 0 < largest < size and not strict and model.kind == "gpu":
            yield Fault(
                path=joined(SERVE_CONFIG, path, "engine_kwargs.tensor_parallel_size"),
                given=f"{size:g}",
                what=f"no pod has more than {largest:g} GPUs: every layer waits for the network between pods",
                allowed=f"at most {largest:g}, with pipeline_parallel_size for the rest",
            )


@rule(
    "autoscaling-off",
    Severity.WARNING,
    states="Where models scale beyond the pods that are kept, Ray may add pods.",
    reference=f"{KUBERAY}/utils/util.go: IsAutoscalingEnabled",
)
def _autoscaling_off(use: ServiceUse) -> Iterator[Fault]:
    if use.cluster.autoscaling:
        return
    there = sum(group.offered["GPU"] * kept(group) for group in use.cluster.workers)
    wanted = sum(_most_gpus(use).values())
    scales = any(model.deployment.scales for _, model in use.serve.models)
    if scales and there < wanted:
        yield Fault(
            path=f"{CLUSTER}.enableInTreeAutoscaling",
            given=str(use.cluster.spec.get("enableInTreeAutoscaling", False)).lower(),
            what=f"models may scale to {wanted:g} GPUs, the pods kept have {there:g}, and nobody adds any",
            allowed="true",
        )


@rule(
    "replicas-beyond-groups",
    Severity.WARNING,
    states="Groups may have the pods that replicas need at most.",
    reference="ray 2.60.0, ray/serve/config.py: AutoscalingConfig.max_replicas",
)
def _replicas_beyond_groups(use: ServiceUse) -> Iterator[Fault]:
    most = sum(group.offered["GPU"] * group.bounds[1] for group in use.cluster.workers)
    for path, wanted in _most_gpus(use).items():
        if 0 < most < wanted:
            yield Fault(
                path=joined(SERVE_CONFIG, path, "deployment_config.autoscaling_config.max_replicas"),
                given=f"{wanted:g} GPUs",
                what=f"all groups together have {most:g} GPUs at most: the last replicas never start",
                remedy="raise maxReplicas of a group, or lower this",
            )


def _most_gpus(use: ServiceUse) -> dict[str, float]:
    """GPUs of all replicas of each model, by its path."""
    return {
        path: model.deployment.bounds[1] * sum(quantity(bundle.get("GPU")) or 0 for bundle in model.bundles)
        for path, model in use.serve.models
    }


service_placement_rules: tuple[Rule[ServiceUse], ...] = (
    _nowhere_to_run,
    _bundles_beyond_pod,
    _tensor_parallel_across_pods,
    _autoscaling_off,
    _replicas_beyond_groups,
)
