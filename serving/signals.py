"""What is known of a model's replicas at one moment, and how it is read from what Ray hands a policy.

Replicas report with `ReplicaReport(…).stats()` from `record_autoscaling_stats`. Nothing they say raises here.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from .frozen import Frozen

Share = Annotated[float, Field(ge=0, le=1)]

STATS_PREFIX = "engine_"
"""Of the names of our figures among a replica's stats: Ray has a `running_requests` of its own there."""


class ReplicaReport(Frozen):
    """What one replica says of itself; None where it says nothing that can be."""

    at_s: float = Field(description="When, by its clock, seconds since 1970.")
    running_requests: NonNegativeFloat | None = None
    waiting_requests: NonNegativeFloat | None = Field(default=None, description="Inside the engine.")
    running_tokens: NonNegativeFloat | None = Field(default=None, description="Of running requests, so far.")
    waiting_tokens: NonNegativeFloat | None = Field(default=None, description="Prompts of waiting requests.")
    kv_use: Share | None = Field(default=None, description="Part of the KV cache in use.")
    gpu_use: Share | None = Field(default=None, description="Part of the time in which its GPU ran a kernel.")
    ttft_p95_ms: NonNegativeFloat | None = Field(default=None, description="Of the last minute.")
    tpot_p95_ms: NonNegativeFloat | None = Field(default=None, description="Of the last minute.")

    @classmethod
    def read(cls, stats: Mapping[str, object], at_s: float) -> Self:
        """A report from a replica's stats. A figure that cannot be is left out; the others count."""
        found = {name: _figure(stats.get(STATS_PREFIX + name)) for name in FIGURES}
        for name in SHARES:
            share = found[name]
            found[name] = share if share is not None and share <= 1 else None
        return cls(at_s=at_s, **found)

    def stats(self) -> dict[str, float]:
        """What `record_autoscaling_stats` returns: numbers alone, or Ray never asks this replica again."""
        found = self.model_dump(include=set(FIGURES), exclude_none=True)
        return {STATS_PREFIX + name: float(value) for name, value in found.items()}

    @property
    def silent(self) -> bool:
        """Whether a figure of its load is missing."""
        return any(getattr(self, name) is None for name in LOADS)


LOADS = ("running_requests", "waiting_requests", "running_tokens", "waiting_tokens", "kv_use")
"""Without one of these a replica counts as silent."""
SHARES = ("kv_use", "gpu_use")
MOST = 1e12
"""No count, time or number of tokens of a replica is larger; infinity is not either."""
FIGURES = (*LOADS, "gpu_use", "ttft_p95_ms", "tpot_p95_ms")


def _figure(value: object) -> float | None:
    """A number that can be, or nothing: not NaN, negative, beyond all reason, a truth value or text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MOST else None


class Signals(Frozen):
    """All that is known at one moment."""

    now_s: float
    target_replicas: NonNegativeInt = Field(description="Replicas ordered so far.")
    min_replicas: NonNegativeInt
    max_replicas: NonNegativeInt
    replicas: dict[str, ReplicaReport | None] = Field(
        default_factory=dict,
        description="Those that run, by id, each with its newest report if there is one.",
    )
    ongoing_requests: NonNegativeFloat = Field(
        default=0.0, description="By Ray's own count, the mean of its look-back: worked on and queued."
    )
    queued_requests: NonNegativeFloat = Field(
        default=0.0, description="Of those, how many have no replica yet."
    )
    last_scale_up_s: float | None = None

    @property
    def running(self) -> int:
        """Replicas that run."""
        return len(self.replicas)


class Context(Protocol):
    """What of Ray's AutoscalingContext is read."""

    current_time: float | None
    target_num_replicas: int
    running_replicas: Sequence[Any]
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int
    policy_state: dict[str, Any]
    last_scale_up_time: float | None

    @property
    def total_num_requests(self) -> float: ...  # noqa: D102
    @property
    def total_queued_requests(self) -> float | None: ...  # noqa: D102
    @property
    def raw_metrics(self) -> Mapping[str, Mapping[Any, Sequence[Any]]] | None: ...  # noqa: D102


def signals_of(context: Context) -> Signals:
    """The signals in what Ray tells a policy."""
    return Signals(
        now_s=_figure(context.current_time) or time.time(),
        target_replicas=context.target_num_replicas,
        min_replicas=context.capacity_adjusted_min_replicas,
        max_replicas=context.capacity_adjusted_max_replicas,
        replicas={str(replica): _newest(replica, context) for replica in context.running_replicas},
        ongoing_requests=_figure(context.total_num_requests) or 0.0,
        queued_requests=_figure(context.total_queued_requests) or 0.0,
        last_scale_up_s=_figure(context.last_scale_up_time),
    )


def _newest(replica: Any, context: Context) -> ReplicaReport | None:
    """What the replica said last: Ray gives all figures of one answer one time, and keeps older ones."""
    points = {
        name: series[replica][-1]
        for name, series in (context.raw_metrics or {}).items()
        if name.startswith(STATS_PREFIX) and series.get(replica)
    }
    times = [at for point in points.values() if (at := _figure(point.timestamp)) is not None]
    if not times:
        return None
    last = max(times)
    return ReplicaReport.read(
        {name: point.value for name, point in points.items() if point.timestamp == last}, last
    )
