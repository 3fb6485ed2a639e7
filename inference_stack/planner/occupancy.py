"""How many nodes so many replicas fill, and who fills them: first fit, the widest first.

The peak is packed exactly, because money hangs on it. For other loads first fit gives what the scheduler
does: it puts a pod on a node with room. Widths are powers of two, for which this leaves no node too many.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from inference_stack.spec import Isolation

from .plan import PlannedModel

Load = Literal["expected", "peak"]
"""At the mean traffic, or with every replica at work."""

GRAIN = 1e-9
"""Below this, parts of a unit are equal."""


class Group(NamedTuple):
    """Equal replicas on one pool."""

    model: str
    units: int
    replicas: int
    share: float = 1.0
    dedicated: bool = False

    @property
    def size(self) -> float:
        """Units that one replica takes."""
        return self.units * self.share


@dataclass
class Node:
    """A node with what is free, and the units that each model takes of it."""

    free: int
    parts: list[float] = field(default_factory=list[float])
    taken: defaultdict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))

    def take(self, group: Group, most: int) -> int:
        """Put up to `most` replicas here; how many found room."""
        placed = self._whole(group, most) if group.share >= 1 else self._partly(group, most)
        if placed:
            self.taken[group.model] += placed * group.size
        return placed

    def _whole(self, group: Group, most: int) -> int:
        placed = min(most, self.free // group.units)
        self.free -= placed * group.units
        return placed

    def _partly(self, group: Group, most: int) -> int:
        each, left = math.floor(1 / group.share + GRAIN), most
        for index, room in enumerate(self.parts):
            here = min(left, math.floor(room / group.share + GRAIN))
            self.parts[index] -= here * group.share
            left -= here
        opened = min(self.free, math.ceil(left / each))
        for _ in range(opened):
            here = min(left, each)
            self.parts.append(1 - here * group.share)
            left -= here
        self.free -= opened
        return most - left


def groups(models: Iterable[PlannedModel], pool: str, load: Load) -> Iterator[Group]:
    """The replicas that models have on a pool."""
    for model in models:
        dedicated, peak = model.isolation is Isolation.DEDICATED, load == "peak"
        if model.pool == pool:
            replicas = model.replicas_max if peak else model.replicas_expected
            yield Group(model.name, model.units, replicas, model.share, dedicated)
        prefill = model.prefill
        if prefill and prefill.pool == pool:
            replicas = prefill.replicas_max if peak else _expected_prefill(model)
            yield Group(model.name, prefill.units, replicas, dedicated=dedicated)


def occupancy(per_node: int, asked: Iterable[Group]) -> list[Node]:
    """The nodes of `per_node` units that the groups fill. Dedicated models have nodes of their own."""
    apart: defaultdict[str | None, list[Group]] = defaultdict(list)
    for group in asked:
        if group.units > per_node:
            raise ValueError(f"{group.model}: a replica of {group.units} units on nodes of {per_node}")
        apart[group.model if group.dedicated else None].append(group)
    return [node for together in apart.values() for node in _first_fit(per_node, together)]


def _first_fit(per_node: int, asked: Sequence[Group]) -> list[Node]:
    nodes: list[Node] = []
    for group in sorted(asked, key=lambda group: (-group.size, group.model)):
        left = group.replicas
        for node in nodes:
            left -= node.take(group, left)
        while left:
            nodes.append(Node(per_node))
            left -= nodes[-1].take(group, left)
    return nodes


def _expected_prefill(model: PlannedModel) -> int:
    """Prefill replicas at the mean traffic: as many of them as of the others."""
    assert model.prefill is not None  # noqa: S101 - the caller has looked
    part = model.replicas_expected / model.replicas_max
    return max(model.prefill.replicas_min, math.ceil(part * model.prefill.replicas_max))
