"""The pods that a resource asks for, wherever its kind keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from policies.kinds import RAY_SERVICE
from policies.seen import Seen, maps

_TEMPLATE = "spec.template.spec"
_RAY = {RAY_SERVICE: "spec.rayClusterConfig", "kubernetes:ray.io/v1:RayCluster": "spec"} | {
    "kubernetes:ray.io/v1:RayJob": "spec.rayClusterSpec"
}
_PLACES = {
    "kubernetes:core/v1:Pod": "spec",
    "kubernetes:apps/v1:DaemonSet": _TEMPLATE,
    "kubernetes:apps/v1:Deployment": _TEMPLATE,
    "kubernetes:apps/v1:ReplicaSet": _TEMPLATE,
    "kubernetes:apps/v1:StatefulSet": _TEMPLATE,
    "kubernetes:batch/v1:Job": _TEMPLATE,
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
}
WITH_PODS = (*_RAY, *_PLACES)
"""Types of the resources that ask for pods."""


class Asked(NamedTuple):
    """A pod, and where in its resource it stands."""

    path: str
    spec: Mapping[str, Any]

    @property
    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every container, those that run first included, with its path."""
        for group in ("initContainers", "containers", "ephemeralContainers"):
            for index, container in enumerate(maps(self.spec.get(group))):
                yield f"{self.path}.{group}[{index}]", container


def pods(resource: Seen) -> Iterator[Asked]:
    """The pods of a resource."""
    if place := _PLACES.get(resource.type):
        yield Asked(place, resource.get(place, {}))
    elif place := _RAY.get(resource.type):
        yield Asked(
            f"{place}.headGroupSpec.template.spec", resource.get(f"{place}.headGroupSpec.template.spec", {})
        )
        for path, group in worker_groups(resource):
            yield Asked(f"{path}.template.spec", (group.get("template") or {}).get("spec") or {})


def worker_groups(resource: Seen) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The worker groups of a Ray cluster or service, each with its path."""
    place = f"{_RAY[resource.type]}.workerGroupSpecs"
    for index, group in enumerate(maps(resource.get(place))):
        yield f"{place}[{index}]", group
