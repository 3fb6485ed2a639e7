"""Decides when a pool gets or loses a node, by the rules of AKS's cluster autoscaler.

How it judges nodes is in `fleet`, what it imagines of a pool without nodes in `template`. Left out: only
empty nodes are removed, not badly used ones; nodes that once were are not remembered; failures cause no
back-off. The expander is always least-waste, whatever the profile says: AKS's default is random, which no
test can hold.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from lightkube.models.core_v1 import PodSpec

from localcloud.cluster.device_plugin import GPU, mig_resource
from localcloud.cluster.fleet import Fleet, Readiness
from localcloud.cluster.observed import ObservedNode, ObservedPod, by_node
from localcloud.cluster.placement import Placement, place, taken_by_daemons, waste
from localcloud.cluster.pool import Inventory, Pool
from localcloud.cluster.scheduling import Machine, obstacles, requests, total
from localcloud.cluster.template import resource_tag, template


@dataclass(frozen=True)
class Observation:
    """The cluster at one moment."""

    now: datetime
    inventory: Inventory
    nodes: tuple[ObservedNode, ...] = ()
    pods: tuple[ObservedPod, ...] = ()
    daemons: tuple[PodSpec, ...] = ()
    """Pod templates of the DaemonSets."""


@dataclass(frozen=True)
class Increase:
    """Nodes to add to a pool, and the pods that they are for."""

    pool: Pool
    nodes: int
    pods: tuple[ObservedPod, ...]


@dataclass(frozen=True)
class Refusal:
    """A pod that no pool can host, with each pool's reasons by its name."""

    pod: ObservedPod
    reasons: Mapping[str, tuple[str, ...]]

    @property
    def message(self) -> str:
        """The autoscaler's text, which counts pools by reason, and then the reasons of each pool."""
        if not self.reasons:
            return "pod didn't trigger scale-up: the cluster has no autoscaled pool"
        counted = Counter(reason.partition(";")[0] for reasons in self.reasons.values() for reason in reasons)
        summary = ", ".join(f"{count} {reason}" for reason, count in sorted(counted.items()))
        by_pool = " | ".join(f"{name}: {', '.join(reasons)}" for name, reasons in self.reasons.items())
        return f"pod didn't trigger scale-up: {summary} ({by_pool})"


@dataclass(frozen=True)
class Decision:
    """What to do now. At most one pool grows at a time, as in one loop of the autoscaler."""

    increase: Increase | None = None
    refusals: tuple[Refusal, ...] = ()
    removals: tuple[ObservedNode, ...] = ()


class Autoscaler:
    """Remembers since when nodes are unneeded; everything else it decides from what it is shown.

    `speed` is how many times faster its clock runs than the real one: at 60, ten minutes pass in ten seconds.
    """

    def __init__(self, speed: float = 1) -> None:
        """Start without any memory."""
        self._speed = speed
        self._unneeded_since: dict[str, datetime] = {}
        self._last_increase: datetime | None = None

    def decide(self, seen: Observation) -> Decision:
        """Decide for what is seen now."""
        fleet = Fleet(seen.inventory, seen.nodes, seen.now, self._speed)
        pending = _pending(seen.pods)
        expected = place(pending, _machines(seen, fleet))
        if not fleet.is_healthy():
            return Decision(refusals=tuple(_unhealthy(pod, seen.inventory) for pod in expected.left))
        increase, refusals = _scale_up(seen, fleet, expected.left)
        if increase:
            self._last_increase = seen.now
        return Decision(increase, refusals, self._scale_down(seen, fleet, expected))

    def _scale_down(self, seen: Observation, fleet: Fleet, expected: Placement) -> tuple[ObservedNode, ...]:
        profile, needed = seen.inventory.profile, {name for _, name in expected.placed}
        needed |= {pod.node for pod in seen.pods if pod.node and not pod.daemon}
        idle = {
            node.name: (pool, node)
            for pool in seen.inventory.pools
            if pool.autoscaled
            for node in fleet.nodes_of(pool)
            if node.name not in needed and fleet.readiness(node) is not Readiness.STARTING
        }
        self._unneeded_since = {name: self._unneeded_since.get(name, seen.now) for name in idle}
        if self._last_increase and self._within(
            seen.now, self._last_increase, profile.scale_down_delay_after_add_s
        ):
            return ()
        spare = {pool.id: pool.count - pool.min_count for pool in seen.inventory.pools}
        removals: list[ObservedNode] = []
        for name, (pool, node) in idle.items():
            ready = fleet.readiness(node) is Readiness.READY
            wait_s = profile.scale_down_unneeded_s if ready else profile.scale_down_unready_s
            if spare[pool.id] > 0 and not self._within(seen.now, self._unneeded_since[name], wait_s):
                spare[pool.id] -= 1
                removals.append(node)
        return tuple(removals)

    def _within(self, now: datetime, since: datetime, seconds: float) -> bool:
        return now - since < timedelta(seconds=seconds / self._speed)


def _pending(pods: tuple[ObservedPod, ...]) -> list[ObservedPod]:
    """Pods that wait for a node, the most important first, then the oldest."""
    waiting = [
        pod for pod in pods if pod.unschedulable and not pod.node and not (pod.daemon or pod.terminating)
    ]
    return sorted(waiting, key=lambda pod: (-(pod.spec.priority or 0), pod.created, pod.namespace, pod.name))


def _machines(seen: Observation, fleet: Fleet) -> list[Machine]:
    """Where a pending pod may still find room: nodes that have arrived, and nodes still to come."""
    on = by_node(seen.pods)
    autoscaled = {pool.id for pool in seen.inventory.pools if pool.autoscaled}
    arrived = [
        node.machine.holding(total(requests(pod.spec) for pod in on.get(node.name, [])))
        for node in seen.nodes
        if not node.leaving
        and not (node.pool_id in autoscaled and fleet.readiness(node) is Readiness.STARTING)
    ]
    coming = [
        blank.model_copy(update={"name": f"{blank.name}-{number}"})
        for pool in seen.inventory.pools
        if pool.autoscaled
        for blank in [_blank(pool, seen, fleet)]
        for number in range(fleet.upcoming(pool))
    ]
    return [*arrived, *coming]


def _blank(pool: Pool, seen: Observation, fleet: Fleet) -> Machine:
    """What the autoscaler expects the next node of a pool to be, once its DaemonSet pods run."""
    sample = fleet.sample(pool)
    bare = sample.machine if sample else template(pool)
    return bare.holding(taken_by_daemons(seen.daemons, bare))


def _scale_up(
    seen: Observation, fleet: Fleet, pods: tuple[ObservedPod, ...]
) -> tuple[Increase | None, tuple[Refusal, ...]]:
    """The pool to grow, by least waste, and the pods that no pool can host."""
    options: list[tuple[tuple[Decimal, str], Increase]] = []
    reasons: dict[str, dict[str, tuple[str, ...]]] = {pod.uid: {} for pod in pods}
    hosted: set[str] = set()
    for pool in (one for one in seen.inventory.pools if one.autoscaled):
        blank = _blank(pool, seen, fleet)
        for pod in pods:
            if not (found := _reasons(pod, pool, blank, fleet)):
                hosted.add(pod.uid)
            reasons[pod.uid][pool.name] = found
        fitting = [pod for pod in pods if not reasons[pod.uid][pool.name]]
        filled = place(fitting, (), blank, most=pool.room)
        if filled.placed:
            increase = Increase(pool, len(filled.machines), tuple(pod for pod, _ in filled.placed))
            options.append(((waste(blank, filled.machines), pool.name), increase))
    best = min(options, key=lambda option: option[0])[1] if options else None
    return best, tuple(Refusal(pod, reasons[pod.uid]) for pod in pods if pod.uid not in hosted)


def _reasons(pod: ObservedPod, pool: Pool, blank: Machine, fleet: Fleet) -> tuple[str, ...]:
    """Why a pool gets no node for a pod; empty if it can get one."""
    if found := obstacles(pod.spec, blank):
        return tuple(reason + _missing_tag(reason.removeprefix("Insufficient "), pool) for reason in found)
    if pool.count >= pool.max_count:
        return ("max node group size reached",)
    if not pool.room:
        return (f"in backoff after failed scale-up; {pool.refusal}",)
    return () if fleet.is_healthy(pool) else ("not ready for scale-up; too many of its nodes are unready",)


def _missing_tag(resource: str, pool: Pool) -> str:
    """What would have told the autoscaler of a resource that the pool's nodes can have."""
    possible = {GPU} if pool.size.gpus else set[str]()
    if pool.mig:
        possible.add(mig_resource(pool.mig))
    tag = resource_tag(resource)
    if resource not in possible or tag in pool.tags:
        return ""
    return f"; from zero nodes it is known by the pool's tag {tag} alone, which is missing"


def _unhealthy(pod: ObservedPod, inventory: Inventory) -> Refusal:
    pools = (pool.name for pool in inventory.pools if pool.autoscaled)
    return Refusal(pod, dict.fromkeys(pools, ("cluster is unhealthy; too many of its nodes are unready",)))
