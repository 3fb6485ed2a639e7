"""Latencies of the last minute."""

import math
from collections import deque
from collections.abc import Iterable

LATELY_S = 60.0
"""How far back latencies are looked at, seconds."""


class Latencies:
    """Latencies of the last minute."""

    def __init__(self) -> None:
        """None yet."""
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, latencies_s: Iterable[float]) -> None:
        """Latencies that were seen now, by a clock that never goes back."""
        self._seen.extend((now_s, latency) for latency in latencies_s)
        self._forget(now_s)

    def p95_ms(self, now_s: float) -> float | None:
        """The latency that 95 of 100 stayed within, milliseconds; None where none was seen of late."""
        self._forget(now_s)
        if not self._seen:
            return None
        ordered = sorted(latency for _, latency in self._seen)
        return 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]

    def _forget(self, now_s: float) -> None:
        while self._seen and self._seen[0][0] < now_s - LATELY_S:
            self._seen.popleft()
