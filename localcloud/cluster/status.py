"""What a control plane is doing, for people and for programs."""

from collections.abc import Mapping

from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Event, Node, Pod
from pydantic import BaseModel, ConfigDict

from localcloud.arm.store import Store
from localcloud.cluster.events import NOT_SCALED
from localcloud.cluster.layout import Layout
from localcloud.cluster.observed import ObservedNode, observe_node, observe_pod
from localcloud.cluster.pool import read_inventory
from localcloud.cluster.processes import ProcessId, Run


class NodeState(BaseModel):
    """A live node."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ready: bool
    leaving: bool
    gpus: Mapping[str, int]
    """GPU resources that the device plugin shows on it, by name."""


class PoolState(BaseModel):
    """A pool and its nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: str
    count: int
    min_count: int
    max_count: int
    nodes: tuple[NodeState, ...]


class PendingPod(BaseModel):
    """A pod that no node has taken, and what scheduler and autoscaler say of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    name: str
    reasons: tuple[str, ...]


class ClusterStatus(BaseModel):
    """A control plane at one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    running: bool
    endpoint: str = ""
    processes: tuple[ProcessId, ...] = ()
    pools: tuple[PoolState, ...] = ()
    pending: tuple[PendingPod, ...] = ()
    problems: tuple[str, ...] = ()
    existing: Mapping[str, "ClusterStatus"] = {}
    """The control planes of clusters that were there before the stack, by the names of their folders."""


def read_status(layout: Layout) -> ClusterStatus:
    """Ask the files and the API server."""
    run = Run.read(layout)
    if not run or not run.supervisor.find():
        return ClusterStatus(running=False)
    processes = tuple(one for one in (run.supervisor, *run.children) if one.find())
    if not run.ready:
        return ClusterStatus(running=False, processes=processes, problems=("the control plane is starting",))
    client = Client(KubeConfig.from_file(layout.kubeconfig), trust_env=False)
    return ClusterStatus(
        running=True,
        endpoint=run.endpoint,
        processes=processes,
        pools=_pools(layout, client),
        pending=_pending(client),
        problems=run.problems,
    )


def _pools(layout: Layout, client: Client) -> tuple[PoolState, ...]:
    nodes = [seen for node in client.list(Node) if (seen := observe_node(node))]
    with Store(layout.store) as store:
        inventory = read_inventory(store, layout.stands_for)
    return tuple(
        PoolState(
            name=pool.name,
            size=pool.size.name,
            count=pool.count,
            min_count=pool.min_count,
            max_count=pool.max_count,
            nodes=tuple(_node(node) for node in nodes if node.pool_id == pool.id),
        )
        for pool in inventory.pools
    )


def _node(node: ObservedNode) -> NodeState:
    gpus = {name: int(amount) for name, amount in node.machine.free.items() if name.startswith("nvidia.com/")}
    return NodeState(name=node.name, ready=node.ready_since is not None, leaving=node.leaving, gpus=gpus)


def _pending(client: Client) -> tuple[PendingPod, ...]:
    refused = _refusals(client)
    found: list[PendingPod] = []
    for pod in client.list(Pod, namespace="*"):
        seen = observe_pod(pod)
        if not seen or not seen.unschedulable:
            continue
        conditions = (pod.status.conditions if pod.status else None) or []
        scheduler = [one.message for one in conditions if one.type == "PodScheduled" and one.message]
        reasons = (*scheduler, *refused.get(seen.uid, ()))
        found.append(PendingPod(namespace=seen.namespace, name=seen.name, reasons=reasons))
    return tuple(found)


def _refusals(client: Client) -> dict[str, tuple[str, ...]]:
    """The autoscaler's last word on each pod, by the pod's uid."""
    events = [one for one in client.list(Event, namespace="*", fields={"reason": NOT_SCALED}) if one.message]
    dated = sorted(events, key=lambda one: str(one.lastTimestamp))
    return {event.involvedObject.uid or "": (event.message or "",) for event in dated}
