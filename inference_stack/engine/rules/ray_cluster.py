"""What KubeRay and Ray refuse or misread in the specification of a cluster."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from inference_stack.engine.document import at, mapping, mappings, number, quantity
from inference_stack.engine.schema import joined
from inference_stack.spec import Severity

from .pod import KUBERAY, SLICE, Pod, gpus
from .rule import Fault, Rule, rule

VALIDATION = f"{KUBERAY}/utils/validation.go"
MOST = 2**31 - 1
"""maxReplicas where it is left out."""

RESOURCE_PARAMETERS = frozenset(("num-cpus", "num-gpus", "memory", "resources"))
"""Parameters of `ray start` that say what a node offers."""

STOCK_IMAGE = re.compile(r"(?:.*/)?ray(?:-llm|-ml)?:(\d+\.\d+\.\d+)\b.*")
"""Images of the Ray project: their tags begin with Ray's version."""
OWN_IMAGE = re.compile(r"[^@]+:(\d+\.\d+\.\d+)-vllm[\d.]+-[0-9a-f]{12}")
"""Images of this stack, as `images.serving` has them named: so do theirs."""


@dataclass(frozen=True)
class Group:
    """One kind of pods of a cluster: its head, or a group of workers."""

    spec: Mapping[str, Any]
    path: str

    @property
    def name(self) -> str:
        """Its name, for the reader."""
        return str(self.spec.get("groupName", "head"))

    @cached_property
    def start(self) -> Mapping[str, Any]:
        """Parameters of `ray start`."""
        return mapping(self.spec, "rayStartParams")

    @cached_property
    def pod(self) -> Pod:
        """Its pods."""
        return Pod(mapping(self.spec, "template", "spec"), of_ray=True, start=self.start)

    @cached_property
    def container(self) -> Mapping[str, Any]:
        """The container with Ray."""
        return mapping(self.spec, "template", "spec", "containers", 0)

    @property
    def container_path(self) -> str:
        """Where it lies."""
        return joined(self.path, "template.spec.containers[0]")

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Least and most pods."""
        fewest, most = (number(self.spec.get(key)) for key in ("minReplicas", "maxReplicas"))
        return 0.0 if fewest is None else fewest, float(MOST) if most is None else most

    @cached_property
    def said_gpus(self) -> tuple[str, float] | None:
        """What Ray is told of the number of GPUs, and where."""
        for steps in (("resources", "GPU"), ("rayStartParams", "num-gpus")):
            amount = quantity(at(self.spec, *steps))
            if amount is not None:
                return joined(self.path, *steps), amount
        return None

    @cached_property
    def offered(self) -> Mapping[str, float]:
        """Ray resources of one pod, those that it finds by itself left out."""
        limits = mapping(self.container, "resources", "limits")
        cpus = quantity(limits.get("cpu"))
        found = {"GPU": sum(gpus(self.container).values()), "CPU": float(ceil(cpus)) if cpus else 0.0}
        for name, key in (("GPU", "num-gpus"), ("CPU", "num-cpus")):
            if (amount := quantity(self.start.get(key))) is not None:
                found[name] = amount
        for resources in (_resources(self.start.get("resources")), mapping(self.spec, "resources")):
            found |= {
                name: amount for name, given in resources.items() if (amount := quantity(given)) is not None
            }
        return found


def kept(group: Group) -> float:
    """Pods of a group that are there when nobody asks."""
    return max(group.bounds[0], quantity(group.spec.get("replicas")) or 0)


def _resources(text: object) -> Mapping[str, Any]:
    """Custom resources of `ray start`: JSON, within the quotes that a shell takes away."""
    for _ in range(2):
        if not isinstance(text, str):
            break
        try:
            text = json.loads(text.strip().strip("'"))
        except (ValueError, RecursionError):
            return {}
    return mapping(text)


@dataclass(frozen=True)
class ClusterUse:
    """The specification of a Ray cluster as written; of a RayService, its rayClusterConfig."""

    spec: Mapping[str, Any]

    @cached_property
    def head(self) -> Group:
        """Its head."""
        return Group(mapping(self.spec, "headGroupSpec"), "headGroupSpec")

    @cached_property
    def workers(self) -> tuple[Group, ...]:
        """Its groups of workers."""
        return tuple(
            Group(spec, f"workerGroupSpecs[{index}]")
            for index, spec in mappings(self.spec, "workerGroupSpecs")
        )

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All of them."""
        return (self.head, *self.workers)

    @property
    def autoscaling(self) -> bool:
        """Whether Ray adds and removes workers."""
        return self.spec.get("enableInTreeAutoscaling") is True


@rule(
    "replica-bounds",
    Severity.ERROR,
    states="0 ≤ minReplicas ≤ maxReplicas.",
    reference=f"{VALIDATION}: ValidateRayClusterSpec",
)
def _replica_bounds(use: ClusterUse) -> Iterator[Fault]:
    for group in use.workers:
        fewest, most = group.bounds
        if not 0 <= fewest <= most:
            yield Fault(
                path=joined(group.path, "minReplicas"),
                given=f"{fewest:g}",
                what="KubeRay refuses these bounds",
                allowed=f"0 to maxReplicas, {most:g}",
            )


@rule(
    "resources-said-twice",
    Severity.ERROR,
    states="What a node offers is said in rayStartParams or in resources.",
    reference=f"{VALIDATION}: validateRayGroupResources",
)
def _resources_said_twice(use: ClusterUse) -> Iterator[Fault]:
    for group in use.groups:
        for key in sorted(RESOURCE_PARAMETERS & group.start.keys()) if group.spec.get("resources") else ():
            yield Fault(
                path=joined(group.path, "rayStartParams", key),
                given=str(group.start[key]),
                what="KubeRay takes resources from one place only, and this group has `resources`",
                remedy="say it there",
            )


@rule(
    "labels-misplaced",
    Severity.ERROR,
    states="Labels of Ray's nodes are said beside rayStartParams.",
    reference=f"{VALIDATION}: validateRayGroupLabels",
)
def _labels_misplaced(use: ClusterUse) -> Iterator[Fault]:
    for group in use.groups:
        if "labels" in group.start:
            yield Fault(
                path=joined(group.path, "rayStartParams", "labels"),
                given=str(group.start["labels"]),
                what="KubeRay refuses labels here",
                remedy="set `labels` of the group",
            )


@rule(
    "restart-policy",
    Severity.ERROR,
    states="Pods that Ray's second autoscaler watches are never restarted in place.",
    reference=f"{VALIDATION}: ValidateRayClusterSpec",
)
def _restart_policy(use: ClusterUse) -> Iterator[Fault]:
    if not use.autoscaling or at(use.spec, "autoscalerOptions", "version") != "v2":
        return
    for group in use.groups:
        given = group.pod.spec.get("restartPolicy")
        if given not in (None, "", "Never"):
            yield Fault(
                path=joined(group.path, "template.spec.restartPolicy"),
                given=str(given),
                what="KubeRay refuses it beside autoscalerOptions.version v2",
                allowed="Never",
            )


@rule(
    "head-records-lost",
    Severity.WARNING,
    states="What a head's GCS writes to RocksDB outlives the head's container.",
    reference=f"{KUBERAY}/raycluster_controller.go: shouldDeletePod",
)
def _head_records_lost(use: ClusterUse) -> Iterator[Fault]:
    said = {each.get("name"): each.get("value") for _, each in mappings(use.head.container, "env")}
    second = use.autoscaling and at(use.spec, "autoscalerOptions", "version") == "v2"
    stays = not second and use.head.pod.spec.get("restartPolicy") != "Never"
    if said.get("RAY_gcs_storage") != "rocksdb" or stays:
        return
    path = str(said.get("RAY_gcs_storage_path"))
    mounts = (each for _, each in mappings(use.head.container, "volumeMounts"))
    names = [each.get("name") for each in mounts if path.startswith(str(each.get("mountPath")))]
    volumes = (each for _, each in mappings(use.head.pod.spec, "volumes") if each.get("name") in names)
    if not any(volume.keys().isdisjoint(("emptyDir", "ephemeral")) for volume in volumes):
        yield Fault(
            path=joined(use.head.container_path, "env"),
            given="RAY_gcs_storage=rocksdb",
            what="KubeRay deletes a head that may not restart once its container ends, and this with it",
            remedy="restartPolicy: Always and RAY_enable_autoscaler_v2 in place of version v2, or a claim",
        )


@rule(
    "gpus-overstated",
    Severity.ERROR,
    states="Ray is told of no more GPUs than a pod has.",
    reference=f"{KUBERAY}/common/pod.go: generateRayStartCommand",
)
def _gpus_overstated(use: ClusterUse) -> Iterator[Fault]:
    for group in use.groups:
        said, has = group.said_gpus, sum(gpus(group.container).values())
        if said and has and said[1] > has:
            yield Fault(
                path=said[0],
                given=f"{said[1]:g}",
                what=f"a pod has {has:g}, so engines are sent to GPUs that are not there",
                allowed=f"{has:g}",
            )


@rule(
    "gpus-understated",
    Severity.WARNING,
    states="Ray is told of all the GPUs that a pod has.",
    reference=f"{KUBERAY}/common/pod.go: generateRayStartCommand",
)
def _gpus_understated(use: ClusterUse) -> Iterator[Fault]:
    for group in use.workers:
        said, has = group.said_gpus, sum(gpus(group.container).values())
        if said and said[1] < has:
            yield Fault(
                path=said[0],
                given=f"{said[1]:g}",
                what=f"a pod has {has:g} GPUs, and Ray uses no more than it is told of",
                allowed=f"{has:g}",
            )


@rule(
    "gpu-limit-missing",
    Severity.WARNING,
    states="A group with GPUs asks Kubernetes for them.",
    reference=f"{KUBERAY}/common/pod.go: addWellKnownAcceleratorResources reads limits",
)
def _gpu_limit_missing(use: ClusterUse) -> Iterator[Fault]:
    for group in use.workers:
        said = group.said_gpus
        if said and said[1] > 0 and group.container and not gpus(group.container):
            yield Fault(
                path=joined(group.container_path, "resources.limits"),
                what=f"Ray is told of {said[1]:g} GPUs, and Kubernetes is not asked for one: the pod may "
                "land on a node that has none",
                allowed="nvidia.com/gpu, or a slice of one",
            )


@rule(
    "head-with-gpus",
    Severity.WARNING,
    states="The head has no GPU.",
    reference=f"{KUBERAY}/raycluster_controller.go: a cluster without its head is none",
)
def _head_with_gpus(use: ClusterUse) -> Iterator[Fault]:
    if found := gpus(use.head.container):
        name, amount = next(iter(found.items()))
        yield Fault(
            path=joined(use.head.container_path, "resources.limits", name),
            given=f"{amount:g}",
            what="the head never goes away, so this GPU is paid for at all times; and an engine that fills "
            "the node takes the controller with it",
            remedy="have engines in a worker group alone",
        )


@rule(
    "slices-unseen",
    Severity.ERROR,
    states="Ray's autoscaler is told of slices, which it does not count by itself.",
    reference="ray 2.60.0, ray/autoscaler/_private/kuberay/autoscaling_config.py: _get_num_gpus",
)
def _slices_unseen(use: ClusterUse) -> Iterator[Fault]:
    for group in use.workers if use.autoscaling else ():
        sliced = [name for name in gpus(group.container) if SLICE.fullmatch(name)]
        fewest, most = group.bounds
        if sliced and group.said_gpus is None and fewest < most:
            yield Fault(
                path=joined(group.path, "resources", "GPU"),
                what=f"Ray's autoscaler counts resources that end in gpu, and does not see {sliced[0]}: it "
                "never adds a pod of this group",
                allowed=f'"{gpus(group.container)[sliced[0]]:g}"',
            )


@rule(
    "ray-images-differ",
    Severity.ERROR,
    states="All pods of a cluster run one version of Ray.",
    reference="ray 2.60.0, ray/_private/utils.py: check_version_info",
)
def _ray_images_differ(use: ClusterUse) -> Iterator[Fault]:
    head = ray_version(use.head)
    for group in use.workers:
        version = ray_version(group)
        if head and version and version != head:
            yield Fault(
                path=joined(group.container_path, "image"),
                given=str(group.container.get("image")),
                what=f"a worker with Ray {version} cannot join a head with {head}",
                allowed=f"an image with Ray {head}",
            )


@rule(
    "ray-version-differs",
    Severity.WARNING,
    states="rayVersion is the version in the image.",
    reference=f"{KUBERAY}/common/pod.go: probes are chosen by rayVersion",
)
def _ray_version_differs(use: ClusterUse) -> Iterator[Fault]:
    told, runs = use.spec.get("rayVersion"), ray_version(use.head)
    if isinstance(told, str) and told and runs and told != runs:
        yield Fault(
            path="rayVersion",
            given=told,
            what=f"the image of the head has Ray {runs}, and KubeRay chooses probes by this",
            allowed=runs,
        )


def ray_version(group: Group) -> str | None:
    """Ray's version in the image of a group; None where its tag does not say."""
    image = str(group.container.get("image", ""))
    match = STOCK_IMAGE.fullmatch(image) or OWN_IMAGE.fullmatch(image)
    return match.group(1) if match else None


cluster_rules: tuple[Rule[ClusterUse], ...] = (
    _replica_bounds,
    _resources_said_twice,
    _labels_misplaced,
    _restart_policy,
    _head_records_lost,
    _gpus_overstated,
    _gpus_understated,
    _gpu_limit_missing,
    _head_with_gpus,
    _slices_unseen,
    _ray_images_differ,
    _ray_version_differs,
)
