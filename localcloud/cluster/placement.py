"""Puts pending pods on machines, those that are there and those that a pool could add."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lightkube.models.core_v1 import PodSpec

from localcloud.cluster.observed import ObservedPod
from localcloud.cluster.scheduling import Amounts, Machine, obstacles, requests, selects, total, untolerated


@dataclass(frozen=True)
class Placement:
    """Pods by the machine that has room for them, and the pods that are left."""

    machines: tuple[Machine, ...]
    """With the placed pods' requests taken off."""
    placed: tuple[tuple[ObservedPod, str], ...]
    left: tuple[ObservedPod, ...]


def place(
    pods: Iterable[ObservedPod], machines: Iterable[Machine], blank: Machine | None = None, most: int = 0
) -> Placement:
    """Put each pod on the first machine that it fits, adding up to `most` copies of `blank` as needed."""
    rooms = list(machines)
    added = 0
    placed: list[tuple[ObservedPod, str]] = []
    left: list[ObservedPod] = []
    for pod in pods:
        at = next((index for index, room in enumerate(rooms) if not obstacles(pod.spec, room)), None)
        if at is None and blank and added < most and not obstacles(pod.spec, blank):
            rooms.append(blank.model_copy(update={"name": f"{blank.name}-{added}"}))
            added, at = added + 1, len(rooms) - 1
        if at is None:
            left.append(pod)
            continue
        rooms[at] = rooms[at].holding(requests(pod.spec))
        placed.append((pod, rooms[at].name))
    return Placement(machines=tuple(rooms), placed=tuple(placed), left=tuple(left))


def taken_by_daemons(daemons: Iterable[PodSpec], machine: Machine) -> Amounts:
    """What the DaemonSets whose pods belong on a machine will ask of it."""
    return total(
        requests(spec)
        for spec in daemons
        if selects(spec, machine) and not untolerated(spec.tolerations or [], machine.taints)
    )


def waste(blank: Machine, filled: Sequence[Machine]) -> Decimal:
    """Share of cores and memory that stays free on machines that were blank, 0 to 1."""
    shares = [
        sum(room.free[name] for room in filled) / (blank.free[name] * len(filled))
        for name in ("cpu", "memory")
    ]
    return sum(shares, Decimal(0)) / len(shares)
