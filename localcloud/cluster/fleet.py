"""How the autoscaler judges the nodes of a cluster.

Source: kubernetes/autoscaler, cluster-autoscaler/clusterstate and
processors/customresources/gpu_processor.go. The AKS build is a fork whose differences are not published.
Three rules matter to GPU pools, and are easy to miss:

- A node with the accelerator label that offers no `nvidia.com/gpu` is unready, however ready kubelet is.
  Every node of a MIG pool under the strategy `mixed` is so for ever (kubernetes/autoscaler#7050, #8095).
- For its first 15 minutes such a node counts as one still to come, and empty: pods that would fit it make no
  other node, though it may be full.
- Later it counts against the health of pool and cluster. More than `ok-total-unready-count` (3) of them,
  being more than `max-total-unready-percentage` (45 %), and nothing is scaled any more.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from localcloud.cluster.device_plugin import GPU
from localcloud.cluster.node import ACCELERATOR_LABEL
from localcloud.cluster.observed import ObservedNode
from localcloud.cluster.pool import Inventory, Pool

_STARTUP = timedelta(minutes=15)
_STABLE = timedelta(minutes=1)


class Readiness(StrEnum):
    """What a node is to the autoscaler."""

    READY = "ready"
    STARTING = "starting"
    UNREADY = "unready"


@dataclass(frozen=True)
class Fleet:
    """The nodes at one moment. `speed` is how many times faster the autoscaler's clock runs than the real."""

    inventory: Inventory
    nodes: tuple[ObservedNode, ...]
    now: datetime
    speed: float = 1

    def readiness(self, node: ObservedNode) -> Readiness:
        """What a node is to the autoscaler."""
        if node.ready_since and not _lacks_gpu(node):
            return Readiness.READY
        started = self.now - node.created >= _STARTUP / self.speed
        return Readiness.UNREADY if started else Readiness.STARTING

    def nodes_of(self, pool: Pool) -> list[ObservedNode]:
        """The nodes of a pool that stay, in the order of their names."""
        return self._by_pool.get(pool.id, [])

    def sample(self, pool: Pool) -> ObservedNode | None:
        """A node that has been ready long enough to show what the next one of its pool will be like."""
        for node in self.nodes_of(pool):
            ready = self.readiness(node) is Readiness.READY and node.ready_since
            if ready and self.now - ready >= _STABLE / self.speed:
                return node
        return None

    def upcoming(self, pool: Pool) -> int:
        """Nodes that the pool is still to get, those that are there but starting included."""
        arrived = sum(self.readiness(node) is not Readiness.STARTING for node in self.nodes_of(pool))
        return max(0, pool.count - arrived)

    def is_healthy(self, pool: Pool | None = None) -> bool:
        """Whether a pool, or all nodes together, have few enough unready nodes to be scaled."""
        nodes = self.nodes_of(pool) if pool else self.nodes
        unready = Counter(self.readiness(node) for node in nodes)[Readiness.UNREADY]
        profile = self.inventory.profile
        share = unready / max(1, len(nodes)) * 100
        return unready <= profile.ok_total_unready_count or share <= profile.max_total_unready_percentage

    @cached_property
    def _by_pool(self) -> dict[str, list[ObservedNode]]:
        grouped: dict[str, list[ObservedNode]] = {}
        for node in sorted(self.nodes, key=lambda one: one.name):
            if not node.leaving:
                grouped.setdefault(node.pool_id, []).append(node)
        return grouped


def _lacks_gpu(node: ObservedNode) -> bool:
    return ACCELERATOR_LABEL in node.machine.labels and not node.machine.free.get(GPU)
