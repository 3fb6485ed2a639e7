"""How replicas fill nodes: as few nodes as there can be. A replica lies on one node, a fraction on one GPU.

Sizes are counted in quarters of a unit: 4 is a GPU or slice, 8 two of them, 1 to 3 a part of a shared GPU.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

QUARTERS = 4
"""Of a unit: the parts in which GPUs are shared."""

SEARCHED = 20_000
"""States of an exact search, beyond which first-fit decreasing decides."""

Held = tuple[int, ...]
"""What lies side by side on a node or a GPU, as sizes, the widest first."""


def fill(load: Mapping[int, int], units: int) -> list[list[Held]]:
    """Nodes of `units` units that hold all replicas of a load (how many of each size).

    A node is a list of what it holds: (8,) for a replica on two units, (3, 1) for two on one GPU.
    """
    parts = {size: count for size, count in load.items() if size < QUARTERS and count}
    shared = [tuple(held) for held in _first_fit(parts, QUARTERS)]
    wide = {size // QUARTERS: count for size, count in load.items() if size >= QUARTERS and count}
    wide[1] = wide.get(1, 0) + len(shared)
    singles = wide[1] - len(shared)
    nodes: list[list[Held]] = []
    for held in bins({size: count for size, count in wide.items() if count}, units):
        node: list[Held] = []
        for size in held:
            if size > 1 or singles:
                node.append((size * QUARTERS,))
                singles -= size == 1
            else:
                node.append(shared.pop())
        nodes.append(node)
    return nodes


def nodes_needed(load: Mapping[int, int], units: int) -> int:
    """Nodes of `units` units that a load fills."""
    if all(size == QUARTERS for size in load):
        return math.ceil(sum(load.values()) / units)
    return len(fill(load, units))


def bins(load: Mapping[int, int], capacity: int) -> list[list[int]]:
    """The fewest bins for items of whole sizes.

    First-fit decreasing is as good as any where each size divides the next one. Else all fillings are tried,
    while there are few.
    """
    found = _first_fit(load, capacity)
    least = math.ceil(sum(size * count for size, count in load.items()) / capacity)
    states = math.prod(count + 1 for count in load.values())
    if len(found) == least or divisible(load) or len(load) == 1 or states > SEARCHED:
        return found
    sizes = tuple(sorted(load, reverse=True))
    return _fewest(sizes, tuple(load[size] for size in sizes), capacity)


def divisible(sizes: Mapping[int, int] | Sequence[int]) -> bool:
    """Whether each size divides the next larger one."""
    ordered = sorted(sizes)
    return all(large % small == 0 for small, large in pairwise(ordered))


def fillings(sizes: tuple[int, ...], capacity: int) -> Iterator[tuple[int, ...]]:
    """Every way to fill a bin so that nothing more goes in: how many of each size, sizes descending."""
    if not sizes:
        yield ()
        return
    first, rest = sizes[0], sizes[1:]
    for count in range(capacity // first, -1, -1):
        left = capacity - count * first
        if not rest and left >= first:
            return
        for others in fillings(rest, left):
            yield (count, *others)


def _fewest(sizes: tuple[int, ...], counts: tuple[int, ...], capacity: int) -> list[list[int]]:
    ways = [way for way in fillings(sizes, capacity) if any(way)]

    @cache
    def best(left: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        if not any(left):
            return ()
        tried: list[tuple[tuple[int, ...], ...]] = []
        for way in ways:
            taken = tuple(map(min, way, left))
            # The widest that is left goes into the next bin: some bin has to hold it.
            widest = next(index for index, count in enumerate(left) if count)
            if taken[widest]:
                rest = tuple(had - took for had, took in zip(left, taken, strict=True))
                tried.append((taken, *best(rest)))
        return min(tried, key=len)

    return [
        [size for size, count in zip(sizes, taken, strict=True) for _ in range(count)]
        for taken in best(counts)
    ]


def _first_fit(load: Mapping[int, int], capacity: int) -> list[list[int]]:
    found: list[list[int]] = []
    free: list[int] = []
    for size in sorted(load, reverse=True):
        start = 0
        for _ in range(load[size]):
            spot = next((index for index in range(start, len(free)) if free[index] >= size), len(free))
            if spot == len(free):
                found.append([])
                free.append(capacity)
            found[spot].append(size)
            free[spot] -= size
            start = spot
    return found
