"""How many replicas a model should have: one pure function, and the class by which Ray Serve calls it.

    policy = AutoscalingPolicy(policy_function="serving.autoscaling:LLMAutoscaling", policy_kwargs={…})

Work is counted in replicas: 1.0 is all that one gets done. How full they are is the largest of three shares:
requests, of those that the plan lets a replica work on; their tokens, of those that its KV cache holds; the
KV cache as the engine sees it. By the throughput at that fullness it becomes work. What waits is added, as
the part of a replica that would answer it in `drain_s`. Latency has a say where a replica more could help.
What CPUs do is never asked: an engine that waits for its GPU keeps a core busy.

Ray calls the policy ten times a second and puts around it, in this order: at no replica with a request
waiting, one at once, without asking; its up- and downscaling factors (leave them at 1); its delays; bounds.
`docs/autoscaling.md` says which settings come from the plan and how the policy was tried out.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from .frozen import Frozen
from .signals import Context, ReplicaReport, Share, Signals, signals_of

STATE_KEY = "llm_autoscaling"
"""Where our state lies in the policy's state, beside the counters that Ray keeps there."""

SLICES = 8
"""Parts of the time over which a peak is kept; it is kept for up to one part longer than asked."""

HAIR = 1e-9
"""Below this a sum of shares is rounding, not work."""


class AutoscalingSettings(Frozen):
    """The plan's figures, then choices of ours. Nobody has measured a choice unless it says so."""

    concurrency: PositiveInt = Field(description="Requests that one replica works on at once.")
    kv_tokens: PositiveInt = Field(description="Tokens that the KV cache of one replica holds.")
    request_tokens: PositiveInt = Field(description="Prompt and answer of the plan's mean request.")
    requests_per_second: PositiveFloat | None = Field(
        default=None,
        description="What one replica completes; None counts what waits as if it were worked on.",
    )
    time_alone: PositiveFloat = Field(
        default=1.0,
        le=1,
        description=(
            "Time of a request alone on a replica over that of one among `concurrency`. Below 1 a half-full "
            "replica does more than half of the work it can, so fewer of them could not hold its requests."
        ),
    )
    cold_start_s: float = Field(ge=1, description="From ordering a replica to its first token, typically.")
    ttft_slo_ms: PositiveFloat | None = Field(default=None, description="What the median request must see.")
    tpot_slo_ms: PositiveFloat | None = Field(default=None, description="What the median request must see.")

    up_at: PositiveFloat = Field(
        default=0.8,
        description="Work per replica from which one more is ordered: before it is full: a start takes time.",
    )
    down_at: PositiveFloat = Field(
        default=0.6,
        description=(
            "Work per replica that must be left after one goes. Between the two nothing changes: this is the "
            "hysteresis, a third of up_at wide, three standard deviations of 80 independent requests."
        ),
    )
    least_keep_s: PositiveFloat = Field(
        default=300.0,
        description=(
            "A replica is kept for as long as a start takes after it was last needed, and at least so long: "
            "the window of Kubernetes' horizontal autoscaler."
        ),
    )
    drain_s: PositiveFloat = Field(
        default=60.0,
        description="In what time a replica more should answer what waits; shorter orders more of them.",
    )
    ttft_tail: PositiveFloat = Field(
        default=4.0,
        description=(
            "P95 of TTFT over its median, of a healthy replica: it grows with the prompt, and the P95 of "
            "prompts is 4.0 times their median in Azure's conversations of 2023."
        ),
    )
    tpot_tail: PositiveFloat = Field(default=2.0, description="The same for TPOT.")
    relaxed: Share = Field(
        default=0.7, description="Part of the P95 that is allowed, above which no replica is taken away."
    )
    loaded: NonNegativeFloat = Field(
        default=0.3,
        description="Work per replica below which latency is not for want of replicas, and is not heeded.",
    )
    gpu_busy: Share = Field(
        default=0.5,
        description=(
            "GPU use below which latency is not for want of GPUs. The use is the time with any kernel "
            "running (NVML), all of it with a single request: it can say that GPUs are not the matter, never "
            "that more are needed."
        ),
    )
    settle_s: NonNegativeFloat = Field(
        default=120.0,
        description=(
            "After a change of replicas, how long latency is not heeded: a P95 looks back a minute, and is "
            "up to half a minute old."
        ),
    )
    remember_s: NonNegativeFloat = Field(
        default=3600.0,
        description="How long the work at which latency was too high counts as full: it is not tried again.",
    )
    stale_after_s: PositiveFloat = Field(
        default=30.0,
        description="Age from which a report says nothing: Ray takes one every 6 s and sends every 10 s.",
    )
    silence_s: NonNegativeFloat = Field(
        default=120.0,
        description="How long a silent replica keeps all replicas; then Ray's own counts stand for it.",
    )

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.down_at >= self.up_at:
            raise ValueError(f"down_at {self.down_at} must be below up_at {self.up_at}: else replicas flap")
        return self

    @property
    def keep_s(self) -> float:
        """How long a peak is remembered."""
        return max(self.cold_start_s, self.least_keep_s)

    def throughput(self, full: float) -> float:
        """Part of its throughput that a replica reaches at a part of its concurrency, by Little's law.

        The time of a request is taken to grow linearly with those beside it, as it does in the planner's
        model of speed until compute or the KV cache is full. Beyond 1, what is too much counts as it is.
        """
        return full if full >= 1 else full / (self.time_alone + (1 - self.time_alone) * full)

    @property
    def queue_of_one(self) -> float:
        """Waiting requests that ask for one replica more."""
        rate = self.requests_per_second
        return self.concurrency if rate is None else rate * self.drain_s


class State(Frozen):
    """What is remembered from one call to the next."""

    peaks: tuple[tuple[int, float], ...] = Field(default=(), description="Slice of time, most work in it.")
    silent_s: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="By replica: since when it has been silent, on and off, and when last.",
    )
    running: int = -1
    running_since_s: float = 0.0
    strained: float | None = Field(default=None, description="Least work per replica with too high latency.")
    strained_until_s: float = 0.0


class _Seen(NamedTuple):
    """What the signals amount to."""

    work: float
    """In replicas."""
    strain: float
    """P95 over what is allowed, where a replica more could help; else 0."""


def desired(signals: Signals, settings: AutoscalingSettings, state: State) -> tuple[int, State]:
    """Replicas that should be there, within the bounds, and what to remember.

    Never fewer with more queued or more tokens. The same signals again change nothing.
    """
    seen = _see(signals, settings)
    state = _remember(signals, settings, state, seen)
    keep = _kept(max(work for _, work in state.peaks), state.strained, settings)
    if _must_hold(signals, settings, state, seen):
        keep = max(keep, signals.target_replicas)
    wanted = max(_needed(signals, settings, state, seen), min(signals.target_replicas, keep))
    return max(signals.min_replicas, min(signals.max_replicas, wanted)), state


def _needed(signals: Signals, settings: AutoscalingSettings, state: State, seen: _Seen) -> int:
    """Replicas without which there is too much work for each, or latency is too high."""
    by_work = _replicas(seen.work, settings.up_at)
    # One at a time, and none while one that was ordered is still starting.
    return max(by_work, signals.running + 1) if _strained(signals, settings, state, seen) else by_work


def _strained(signals: Signals, settings: AutoscalingSettings, state: State, seen: _Seen) -> bool:
    """Whether latency is too high with the replicas that run now: a P95 says so late."""
    return seen.strain > 1 and signals.now_s - state.running_since_s >= settings.settle_s


def _must_hold(signals: Signals, settings: AutoscalingSettings, state: State, seen: _Seen) -> bool:
    """Whether no replica may go now, whatever the work."""
    now, ordered = signals.now_s, signals.last_scale_up_s
    return (
        seen.strain > settings.relaxed
        # Who is silent may be the busiest of all.
        or any(last == now and now - since < settings.silence_s for since, last in state.silent_s.values())
        # It may not have started yet; given up now, the time and money of its start are lost.
        or (ordered is not None and now - ordered < settings.keep_s)
    )


def _remember(signals: Signals, settings: AutoscalingSettings, state: State, seen: _Seen) -> State:
    now = signals.now_s
    changed = state.running != signals.running
    return _remember_strain(
        signals,
        settings,
        State(
            peaks=_peaks(state.peaks, now, seen.work, settings.keep_s),
            silent_s=_silent(signals, settings, state),
            running=signals.running,
            running_since_s=now if changed else min(now, state.running_since_s),
            strained=state.strained if now < state.strained_until_s else None,
            strained_until_s=state.strained_until_s,
        ),
        seen,
    )


def _remember_strain(signals: Signals, settings: AutoscalingSettings, state: State, seen: _Seen) -> State:
    if not _strained(signals, settings, state, seen):
        return state
    # What the P95 looks back on; there may be less work by now.
    since = _slice(signals.now_s - settings.settle_s, settings.keep_s)
    each = max(work for time, work in state.peaks if time >= since) / max(1, signals.running)
    return state.model_copy(
        update={
            "strained": min(each, state.strained or each),
            "strained_until_s": signals.now_s + settings.remember_s,
        }
    )


def _silent(signals: Signals, settings: AutoscalingSettings, state: State) -> dict[str, tuple[float, float]]:
    """Those that are silent, and those that were a moment ago: who reports on and off is silent once."""
    now, found = signals.now_s, dict[str, tuple[float, float]]()
    for name, report in signals.replicas.items():
        since, last = state.silent_s.get(name, (now, now))
        if not _heard(report, now, settings):
            found[name] = (min(now, since), now)
        elif name in state.silent_s and 0 <= now - last < settings.silence_s:
            found[name] = (since, last)
    return found


def _kept(work: float, strained: float | None, settings: AutoscalingSettings) -> int:
    """Replicas that are not too many for the work."""
    full = settings.up_at if strained is None else min(settings.up_at, strained)
    return _replicas(work, full * settings.down_at / settings.up_at)


def _peaks(
    peaks: Iterable[tuple[int, float]], now_s: float, work: float, keep_s: float
) -> tuple[tuple[int, float], ...]:
    """The most work of each slice of the time over which it is remembered.

    A replica is kept for as long as starting one takes. Whenever work comes back, that costs at most twice
    what it would cost to know the future: the ski-rental rule (Karlin, Manasse, Rudolph and Sleator, 1988).
    """
    present = _slice(now_s, keep_s)
    kept = {time: most for time, most in peaks if present - SLICES <= time <= present}
    kept[present] = max(work, kept.get(present, 0.0))
    return tuple(sorted(kept.items()))


def _slice(at_s: float, keep_s: float) -> int:
    return int(at_s * SLICES / keep_s)


def _replicas(work: float, each: float) -> int:
    return math.ceil(work / max(each, HAIR) - HAIR)


def _see(signals: Signals, settings: AutoscalingSettings) -> _Seen:
    now = signals.now_s
    heard = [report for report in signals.replicas.values() if report and _fresh(report, now, settings)]
    work = _work(signals, settings, heard)
    if work < settings.loaded * max(1, signals.running):
        return _Seen(work, 0.0)
    busy = [report.gpu_use for report in heard if report.gpu_use is not None]
    if busy and sum(busy) / len(busy) < settings.gpu_busy:
        return _Seen(work, 0.0)
    return _Seen(work, _strain(heard, settings))


def _work(signals: Signals, settings: AutoscalingSettings, heard: Sequence[ReplicaReport]) -> float:
    """Work in hand and waiting, in replicas.

    A request that waits inside its engine counts as both: it has its place there, but no KV cache.
    KV cache that is in use with no request anywhere is no work.
    """
    mean = settings.request_tokens
    reported = sum(report.running_requests or 0 for report in heard)
    dispatched = max(0.0, signals.ongoing_requests - signals.queued_requests)
    waiting = signals.queued_requests + sum(report.waiting_requests or 0 for report in heard)
    if max(dispatched, reported) + waiting < HAIR:
        return 0.0
    unreported = max(0.0, dispatched - reported)
    tokens = unreported * mean + sum(
        _tokens(report.running_tokens, report.running_requests, mean) for report in heard
    )
    waiting_tokens = signals.queued_requests * mean + sum(
        _tokens(report.waiting_tokens, report.waiting_requests, mean) for report in heard
    )
    in_hand = max(
        max(dispatched, reported) / settings.concurrency,
        tokens / settings.kv_tokens,
        sum(report.kv_use or 0 for report in heard),
        # Where requests wait, replicas are full, whatever the plan and their reports make of it.
        min(waiting, float(signals.running)),
    )
    running = max(1, signals.running)
    return (
        running * settings.throughput(in_hand / running)
        + max(waiting, waiting_tokens / mean) / settings.queue_of_one
    )


def _tokens(tokens: float | None, requests: float | None, mean: float) -> float:
    return (requests or 0) * mean if tokens is None else tokens


def _strain(heard: Iterable[ReplicaReport], settings: AutoscalingSettings) -> float:
    """P95 over what is allowed, by the upper median of the replicas: a slow one does not speak for all."""
    limits = (
        ("ttft_p95_ms", settings.ttft_slo_ms, settings.ttft_tail),
        ("tpot_p95_ms", settings.tpot_slo_ms, settings.tpot_tail),
    )
    ratios: list[float] = []
    for report in heard:
        seen = [
            getattr(report, name) / (slo * tail)
            for name, slo, tail in limits
            if slo and getattr(report, name) is not None
        ]
        if seen:
            ratios.append(max(seen))
    return sorted(ratios)[len(ratios) // 2] if ratios else 0.0


def _fresh(report: ReplicaReport, now_s: float, settings: AutoscalingSettings) -> bool:
    """Neither old nor from a future that no difference of clocks explains."""
    return abs(now_s - report.at_s) <= settings.stale_after_s


def _heard(report: ReplicaReport | None, now_s: float, settings: AutoscalingSettings) -> bool:
    return report is not None and _fresh(report, now_s, settings) and not report.silent


class LLMAutoscaling:
    """The policy as Ray Serve takes it: a class that is made once, with `policy_kwargs`, and called."""

    def __init__(self, **settings: Any) -> None:
        """Raises ValidationError for settings that cannot be, with the name of each."""
        self.settings = AutoscalingSettings.model_validate(settings)

    def __call__(self, context: Context) -> tuple[int, dict[str, Any]]:
        """Replicas, and the state that Ray hands back in the next call. Nothing reported makes it raise."""
        state = context.policy_state.get(STATE_KEY)
        replicas, after = desired(
            signals_of(context), self.settings, state if isinstance(state, State) else State()
        )
        return replicas, {STATE_KEY: after}
