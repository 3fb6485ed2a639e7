"""What the API server shows of nodes and pods, reduced to what decisions need."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from lightkube.models.core_v1 import PodSpec
from lightkube.resources.core_v1 import Node, Pod

from localcloud.cluster.node import POOL_ANNOTATION
from localcloud.cluster.pool import Effect, Taint
from localcloud.cluster.scheduling import Machine, amounts

LEAVING_TAINT = "ToBeDeletedByClusterAutoscaler"
"""On a node that is being drained before it goes."""


@dataclass(frozen=True)
class ObservedNode:
    """A live node."""

    uid: str
    pool_id: str
    machine: Machine
    """What it is; free is all that it has allocatable."""
    created: datetime
    ready_since: datetime | None = None
    """When kubelet last became ready; None while it is not."""
    leaving: bool = False
    """Drained at present; nothing new comes to it."""

    @property
    def name(self) -> str:
        """Name of the node."""
        return self.machine.name


@dataclass(frozen=True)
class ObservedPod:
    """A pod that has not ended."""

    namespace: str
    name: str
    uid: str
    spec: PodSpec
    created: datetime
    node: str | None = None
    daemon: bool = False
    """It comes and goes with its node: of a DaemonSet, or a mirror of a node's own pod."""
    running: bool = False
    unschedulable: bool = False
    """The scheduler has found no node for it."""
    terminating: bool = False


def observe_node(node: Node) -> ObservedNode | None:
    """A node of a pool; None for a node that is of none."""
    meta, spec, status = node.metadata, node.spec, node.status
    if not meta or not meta.name or not (pool_id := (meta.annotations or {}).get(POOL_ANNOTATION)):
        return None
    taints = [
        Taint(key=one.key, value=one.value or "", effect=cast("Effect", one.effect))
        for one in (spec.taints if spec else None) or []
    ]
    ready = next((one for one in (status.conditions if status else None) or [] if one.type == "Ready"), None)
    return ObservedNode(
        uid=meta.uid or "",
        pool_id=pool_id,
        machine=Machine(
            name=meta.name,
            labels=meta.labels or {},
            taints=tuple(taints),
            free=amounts(status.allocatable if status else None),
        ),
        created=_time(meta.creationTimestamp),
        ready_since=_time(ready.lastTransitionTime) if ready and ready.status == "True" else None,
        leaving=any(one.key == LEAVING_TAINT for one in taints),
    )


def observe_pod(pod: Pod) -> ObservedPod | None:
    """A pod; None for one that has ended."""
    meta, spec, status = pod.metadata, pod.spec, pod.status
    if not meta or not spec or (status and status.phase in ("Succeeded", "Failed")):
        return None
    scheduled = next(
        (one for one in (status.conditions if status else None) or [] if one.type == "PodScheduled"), None
    )
    owners = {owner.kind for owner in meta.ownerReferences or []}
    return ObservedPod(
        namespace=meta.namespace or "",
        name=meta.name or "",
        uid=meta.uid or "",
        spec=spec,
        created=_time(meta.creationTimestamp),
        node=spec.nodeName,
        daemon="DaemonSet" in owners or "kubernetes.io/config.mirror" in (meta.annotations or {}),
        running=bool(status and status.phase == "Running"),
        unschedulable=bool(scheduled and scheduled.status == "False" and scheduled.reason == "Unschedulable"),
        terminating=meta.deletionTimestamp is not None,
    )


def by_node(pods: tuple[ObservedPod, ...]) -> Mapping[str, list[ObservedPod]]:
    """Pods that are on a node, by its name."""
    placed: dict[str, list[ObservedPod]] = {}
    for pod in pods:
        if pod.node:
            placed.setdefault(pod.node, []).append(pod)
    return placed


def _time(stamp: datetime | None) -> datetime:
    return stamp or datetime.now(UTC)
