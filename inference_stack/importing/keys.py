"""Every key of what somebody runs, and what became of it: nothing is lost in silence."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, cast

from inference_stack.engine.schema import joined


class Fate(StrEnum):
    """What became of a key."""

    CARRIED = "carried"
    """The environment says the same."""
    DERIVED = "derived"
    """The plan decides it, or this stack always does it so."""
    LEFT = "left"
    """Nothing in the environment says it."""


class Told(NamedTuple):
    """What became of one key, and of everything below it."""

    path: str
    fate: Fate
    what: str
    """Carried: the key of the environment. Derived: by what. Left: why."""
    given: str | None = None
    remedy: str | None = None


class Keys:
    """The keys of one source, each of which is told of in the end."""

    def __init__(self) -> None:
        """Without any key yet."""
        self.lines: dict[str, int] = {}
        """Line of a key, where it is not found by its path."""
        self._leaves: dict[str, None] = {}
        self._told: dict[str, Told] = {}

    def add(self, path: str, value: object) -> None:
        """Count what lies at a path, down to its leaves; an empty list or mapping is a leaf itself."""
        if isinstance(value, Mapping) and value:
            for name, below in cast("Mapping[object, object]", value).items():
                self.add(joined(path, str(name)), below)
        elif isinstance(value, list) and value:
            for index, below in enumerate(cast("list[object]", value)):
                self.add(joined(path, index), below)
        else:
            self._leaves[path] = None

    def carry(self, path: str, to: str) -> None:
        """What lies there is said by `to` in the environment."""
        self._tell(Told(path, Fate.CARRIED, to))

    def derive(self, path: str, by: str) -> None:
        """What lies there is decided without being asked for."""
        self._tell(Told(path, Fate.DERIVED, by))

    def leave(self, path: str, why: str, *, given: object = None, remedy: str | None = None) -> None:
        """What lies there is not in the environment."""
        self._tell(Told(path, Fate.LEFT, why, None if given is None else str(given), remedy))

    @property
    def told(self) -> tuple[Told, ...]:
        """What became of each key, in the order of the source."""
        order = {path: index for index, path in enumerate(self._leaves)}

        def first(told: Told) -> int:
            return min((at for path, at in order.items() if within(path, told.path)), default=len(order))

        return tuple(sorted(self._told.values(), key=first))

    @property
    def untold(self) -> Iterator[str]:
        """Keys that nobody has said anything of."""
        return (path for path in self._leaves if not any(step in self._told for step in _upwards(path)))

    def _tell(self, told: Told) -> None:
        # What is said last of a key holds: what a plan refuses was carried before.
        self._told[told.path] = told


def within(path: str, above: str) -> bool:
    """Whether a path is another one, or lies below it."""
    return path == above or not above or (path.startswith(above) and path[len(above)] in ".[")


def _upwards(path: str) -> Iterator[str]:
    """A path and all those above it."""
    yield path
    for index in range(len(path) - 1, 0, -1):
        if path[index] in ".[":
            yield path[:index]
    yield ""


def text_of(value: Any) -> str:
    """A value on one line, for the reader."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
