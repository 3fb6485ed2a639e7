"""The loop that stands for AKS: pools become nodes, and the autoscaler changes pools."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lightkube import Client
from lightkube.models.core_v1 import PodSpec
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.core_v1 import Node, Pod

from localcloud.arm.store import Store
from localcloud.cluster.autoscaler import Autoscaler, Decision, Observation
from localcloud.cluster.events import NOT_SCALED, SCALED, Events
from localcloud.cluster.nodes import Nodes
from localcloud.cluster.observed import observe_node, observe_pod
from localcloud.cluster.pool import Inventory, Pool, read_inventory, resize, with_room
from localcloud.cluster.watch import Watch

_log = logging.getLogger(__name__)


class Control:
    """One step at a time, driven from outside."""

    def __init__(
        self,
        client: Client,
        store: Store,
        stands_for: Callable[[str], bool],
        clock_speed: float,
        changed: threading.Event,
    ) -> None:
        """Begin to watch; `changed` is set whenever a step may have something to do.

        `stands_for` tells by its ARM id whether a cluster of the store is the one to act for.
        """
        self._store, self._stands_for, self._speed = store, stands_for, clock_speed
        self._nodes = Watch(client, Node, observe_node, changed)
        self._pods = Watch(client, Pod, observe_pod, changed)
        self._daemons = Watch(client, DaemonSet, _pod_template, changed)
        self._keeper, self._events = Nodes(client, self._nodes), Events(client)
        self._autoscaler, self._next_scan = Autoscaler(clock_speed), 0.0
        self.problems: tuple[str, ...] = ()

    def step(self) -> None:
        """Bring nodes in step with the store and, when a scan is due, let the autoscaler decide."""
        if not all(watch.ready.is_set() for watch in (self._nodes, self._pods, self._daemons)):
            return
        inventory = read_inventory(self._store, self._stands_for)
        self._report(inventory)
        self._keeper.follow(inventory.pools, self._nodes.items(), self._pods.items())
        if time.monotonic() >= self._next_scan:
            self._next_scan = time.monotonic() + inventory.profile.scan_interval_s / self._speed
            self._carry_out(self._autoscaler.decide(self._observe(inventory)), inventory)

    def _observe(self, inventory: Inventory) -> Observation:
        if any(pod.unschedulable for pod in self._pods.items()):
            inventory = with_room(self._store, inventory)
        return Observation(
            now=datetime.now(UTC),
            inventory=inventory,
            nodes=self._nodes.items(),
            pods=self._pods.items(),
            daemons=self._daemons.items(),
        )

    def _carry_out(self, decision: Decision, inventory: Inventory) -> None:
        for refusal in decision.refusals:
            self._events.say(refusal.pod, NOT_SCALED, refusal.message)
        if grown := decision.increase:
            count = grown.pool.count + grown.nodes
            self._resize(grown.pool, count)
            change = f"{grown.pool.name} {grown.pool.count}->{count} (max: {grown.pool.max_count})"
            for pod in grown.pods:
                self._events.say(pod, SCALED, f"pod triggered scale-up: [{{{change}}}]")
        for pool in inventory.pools:
            if idle := [node for node in decision.removals if node.pool_id == pool.id]:
                for node in idle:
                    self._keeper.drain(node)
                self._resize(pool, pool.count - len(idle))

    def _resize(self, pool: Pool, count: int) -> None:
        try:
            resize(self._store, pool, count)
        except LookupError:
            _log.info("pool %s went before it could have %d nodes", pool.name, count)
        else:
            _log.info("pool %s: %d -> %d nodes", pool.name, pool.count, count)

    def _report(self, inventory: Inventory) -> None:
        for problem in set(inventory.problems) - set(self.problems):
            _log.warning(problem)
        self.problems = inventory.problems


def _pod_template(daemon_set: DaemonSet) -> PodSpec | None:
    return daemon_set.spec.template.spec if daemon_set.spec else None
