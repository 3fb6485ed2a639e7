"""Keeps the nodes of the API server in step with the pools of the store."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Node, NodeStatus, Pod
from lightkube.types import PatchType

from localcloud.cluster.device_plugin import gpu_resources
from localcloud.cluster.node import aks_node, node_index
from localcloud.cluster.observed import LEAVING_TAINT, ObservedNode, ObservedPod, by_node
from localcloud.cluster.pool import Pool, Taint
from localcloud.cluster.watch import Watch

_log = logging.getLogger(__name__)
_VENDOR = "nvidia.com/"


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    """For a deletion that somebody else may have done first."""
    try:
        yield
    except ApiError as refused:
        if refused.status.code != HTTPStatus.NOT_FOUND:
            raise


class Nodes:
    """Adds nodes that a pool lacks, drains and removes those it has too many of, and shows GPUs."""

    def __init__(self, client: Client, known: Watch[ObservedNode]) -> None:
        """Write through a client; `known` is told of what was written."""
        self._client, self._known = client, known

    def follow(
        self, pools: Sequence[Pool], nodes: Sequence[ObservedNode], pods: tuple[ObservedPod, ...]
    ) -> None:
        """One step towards what the pools say."""
        on = by_node(pods)
        for pool, index in missing(pools, nodes):
            node = aks_node(pool, index)
            self._known.remember(self._client.create(node))
            _log.info("node %s added to pool %s", node.metadata and node.metadata.name, pool.name)
        for node in surplus(pools, nodes):
            self.drain(node)
        by_id = {pool.id: pool for pool in pools}
        for node in nodes:
            if node.leaving:
                self._leave(node, on.get(node.name, []))
            elif pool := by_id.get(node.pool_id):
                self._show_gpus(pool, node, on.get(node.name, []))

    def drain(self, node: ObservedNode) -> None:
        """Let no pod come to a node any more; the next steps empty and remove it."""
        taints = [*node.machine.taints, Taint(key=LEAVING_TAINT, effect="NoSchedule")]
        spec = {"unschedulable": True, "taints": [taint.model_dump() for taint in taints]}
        patched = self._client.patch(Node, node.name, {"spec": spec}, patch_type=PatchType.MERGE)
        self._known.remember(patched)
        _log.info("node %s is drained", node.name)

    def _leave(self, node: ObservedNode, pods: Iterable[ObservedPod]) -> None:
        """Delete a node's pods, then the node, then what DaemonSets had on it.

        Disruption budgets are not waited for: a pool that is deleted takes its nodes with it.
        """
        daemons = [pod for pod in pods if pod.daemon]
        if guests := [pod for pod in pods if not pod.daemon]:
            for pod in guests:
                if not pod.terminating:
                    self._delete_pod(pod, grace_s=None)
            return
        with _absent_is_fine():
            self._client.delete(Node, node.name)
        self._known.forget(node.uid)
        _log.info("node %s removed", node.name)
        for pod in daemons:
            self._delete_pod(pod, grace_s=0)

    def _delete_pod(self, pod: ObservedPod, grace_s: int | None) -> None:
        with _absent_is_fine():
            self._client.delete(Pod, pod.name, namespace=pod.namespace, grace_period=grace_s)

    def _show_gpus(self, pool: Pool, node: ObservedNode, pods: Iterable[ObservedPod]) -> None:
        daemons = [pod.spec for pod in pods if pod.daemon and pod.running]
        shown = {name: int(amount) for name, amount in node.machine.free.items() if name.startswith(_VENDOR)}
        wanted = gpu_resources(pool, daemons)
        if shown == wanted:
            return
        # None takes a resource away.
        change = {**dict.fromkeys(shown, None), **{name: str(count) for name, count in wanted.items()}}
        status = {"status": {"capacity": change, "allocatable": change}}
        patched = self._client.patch(NodeStatus, node.name, status, patch_type=PatchType.MERGE)
        self._known.remember(patched)
        _log.info("node %s shows %s", node.name, wanted or "no GPU")


def missing(pools: Iterable[Pool], nodes: Sequence[ObservedNode]) -> Iterator[tuple[Pool, int]]:
    """Nodes to add, by pool and the lowest free index."""
    for pool in pools:
        own = [node for node in nodes if node.pool_id == pool.id]
        staying = sum(not node.leaving for node in own)
        used = {node_index(node.name) for node in own}
        free = (index for index in range(len(used) + pool.count) if index not in used)
        for _, index in zip(range(pool.count - staying), free, strict=False):
            yield pool, index


def surplus(pools: Iterable[Pool], nodes: Sequence[ObservedNode]) -> Iterator[ObservedNode]:
    """Nodes to drain: those of pools that are gone, and the newest of pools that have too many."""
    counts = {pool.id: pool.count for pool in pools}
    for pool_id in {node.pool_id for node in nodes}:
        own = [node for node in nodes if node.pool_id == pool_id and not node.leaving]
        yield from sorted(own, key=lambda node: node_index(node.name))[counts.get(pool_id, 0) :]
