"""A simulation of a model's replicas under an autoscaling policy: no Ray, no engine, no GPU, no clock.

What it takes from elsewhere: arrivals and lengths of requests from a recorded trace; speed, KV cache and cold
start from the planner; delays, look-back and bypass from Ray 2.60.0. What it leaves out: prefixes,
preemption, failures, the network, and replicas that are slower than planned. It orders policies; it measures
none.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from serving.signals import ReplicaReport, Signals

TICK_S = 0.25
"""Of the engines; the policy is asked every fourth."""
RECORD_S, PUSH_S, LOOK_BACK_S = 6.0, 10.0, 30.0
"""How often Ray takes figures and sends them, and over what it takes the mean: its defaults."""
PACE = "PACED_ENGINE"
"""Environment variable of `paced_engine`, which runs a replica by the clock: an `Engine` as JSON."""
CHARACTERS_A_TOKEN = 4
"""There a prompt has so many characters a token, as the ingress estimates it."""
P95_WINDOW_S = 60.0
"""Over what replicas take their P95."""


@dataclass(frozen=True, slots=True)
class Request:
    """One row of a trace."""

    arrival_s: float
    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Engine:
    """What a replica can do: a step costs a base, a part per running request and a part per prompt token."""

    step_s: float
    per_request_s: float
    per_prompt_token_s: float
    step_tokens: int
    concurrency: int
    kv_tokens: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What Ray puts around a policy, and the bounds."""

    min_replicas: int = 0
    max_replicas: int = 8
    upscale_delay_s: float = 30.0
    downscale_delay_s: float = 600.0
    max_queued: int = 200
    """Requests that wait at the ingress; more are refused."""


@dataclass(slots=True)
class Seen:
    """How one request fared."""

    request: Request
    ttft_s: float = math.nan
    end_s: float = math.nan


@dataclass(slots=True)
class Replica:
    """An engine with continuous batching: prompts are read in turn, in chunks, while others are written."""

    engine: Engine
    ordered_s: float
    name: str
    leaving: bool = False
    reading: deque[tuple[Seen, float]] = field(default_factory=deque)
    """With the tokens still to read."""
    writing: list[tuple[float, int, float, Seen]] = field(default_factory=list)
    """A heap: tokens written by then, tie-break, first token, request."""
    written: float = 0.0
    """Tokens that a request which was there all the time would have got."""
    held: int = 0
    recent: deque[tuple[float, float, float]] = field(default_factory=deque)
    """When, TTFT, TPOT."""
    count: int = 0

    @property
    def ongoing(self) -> int:
        """Requests it has."""
        return len(self.reading) + len(self.writing)

    def running(self, now: float) -> bool:
        """Whether it has started."""
        return now >= self.ordered_s + self.engine.start_s

    def fits(self, request: Request) -> bool:
        """Whether it takes one more."""
        tokens = self.held + request.prompt_tokens + request.output_tokens
        return self.ongoing < self.engine.concurrency and (
            not self.ongoing or tokens <= self.engine.kv_tokens
        )

    def take(self, seen: Seen) -> None:
        """Give it a request."""
        self.held += seen.request.prompt_tokens + seen.request.output_tokens
        self.reading.append((seen, float(seen.request.prompt_tokens)))

    def work(self, now: float) -> Iterable[Seen]:
        """One tick; those that end in it."""
        if not self.ongoing:
            return
        engine = self.engine
        to_read = sum(left for _, left in self.reading)
        chunk = min(max(1.0, engine.step_tokens - len(self.writing)), to_read)
        step = engine.step_s + engine.per_request_s * len(self.writing) + engine.per_prompt_token_s * chunk
        self.written += TICK_S / step
        budget = chunk * TICK_S / step
        while self.reading and budget > 0:
            seen, left = self.reading.popleft()
            if left > budget:
                self.reading.appendleft((seen, left - budget))
                break
            budget -= left
            self.count += 1
            seen.ttft_s = now + TICK_S - seen.request.arrival_s
            end = self.written + max(1, seen.request.output_tokens)
            heapq.heappush(self.writing, (end, self.count, now + TICK_S, seen))
        while self.writing and self.writing[0][0] <= self.written:
            _, _, first_s, seen = heapq.heappop(self.writing)
            seen.end_s = now + TICK_S
            self.held -= seen.request.prompt_tokens + seen.request.output_tokens
            each = (seen.end_s - first_s) / max(1, seen.request.output_tokens)
            self.recent.append((now, seen.ttft_s, each))
            yield seen

    def report(self, now: float) -> ReplicaReport:
        """What it says of itself."""
        while self.recent and self.recent[0][0] < now - P95_WINDOW_S:
            self.recent.popleft()
        tokens = min(self.held, self.engine.kv_tokens)
        return ReplicaReport(
            at_s=now,
            running_requests=self.ongoing,
            waiting_requests=0,
            running_tokens=tokens,
            waiting_tokens=0,
            kv_use=tokens / self.engine.kv_tokens,
            gpu_use=1.0 if self.ongoing else 0.0,
            ttft_p95_ms=p95([ttft for _, ttft, _ in self.recent], 1e3),
            tpot_p95_ms=p95([tpot for _, _, tpot in self.recent], 1e3),
        )


def p95(values: Sequence[float], unit: float = 1.0) -> float | None:
    """The 95th percentile in `1/unit`; None of nothing."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))] * unit if values else None


Policy = Callable[[Signals], float]
"""Replicas wanted, before Ray's delays and bounds."""


@dataclass
class Delays:
    """Ray's `_apply_autoscaling_config`, with factors of 1: bypass at zero, delays, only from 1 to 0."""

    pace: Pace
    since_s: float | None = None
    direction: int = 0

    def target(self, policy: Policy, signals: Signals) -> int:
        """Replicas to have, from what the policy wants."""
        pace, current, target = self.pace, signals.running, signals.target_replicas
        if current == 0 and signals.ongoing_requests > 0:
            return self._bounded(max(1, target))
        wanted = math.ceil(policy(signals))
        if current == 0 and wanted > 0:
            return self._bounded(wanted)
        direction = (wanted > target) - (wanted < target)
        if direction != self.direction or self.since_s is None:
            self.direction, self.since_s = direction, signals.now_s
        delay = pace.upscale_delay_s if direction > 0 else pace.downscale_delay_s
        if not direction or signals.now_s - self.since_s < delay:
            return self._bounded(target)
        self.since_s = None
        return self._bounded(wanted if direction > 0 or target == 1 else max(1, wanted))

    def _bounded(self, replicas: int) -> int:
        return max(self.pace.min_replicas, min(self.pace.max_replicas, replicas))


@dataclass
class Outcome:
    """What came of it."""

    counts: list[tuple[float, int, int]] = field(default_factory=list)
    """At each change: when, replicas ordered, replicas that run."""
    seen: list[Seen] = field(default_factory=list)
    refused: int = 0
    longest_queue: int = 0
    replica_hours: float = 0.0
    """From order to end, the start included."""

    @property
    def unfinished(self) -> int:
        """Requests that were let in and never answered."""
        return sum(math.isnan(one.end_s) for one in self.seen)

    def ttft_p95_s(self, after_s: float = 0.0) -> float:
        """Of those that arrived after."""
        return p95([one.ttft_s for one in self.seen if one.request.arrival_s >= after_s]) or 0.0

    @property
    def turns(self) -> int:
        """How often the number of ordered replicas changed its direction."""
        ordered = [ordered for _, ordered, _ in self.counts]
        moves = [after - before for before, after in pairwise(ordered) if after != before]
        return sum((before > 0) != (after > 0) for before, after in pairwise(moves))


def simulate(
    requests: Sequence[Request], engine: Engine, pace: Pace, policy: Policy, *, until_s: float, seed: int = 0
) -> Outcome:
    """Replay the requests, from no replica on, until a time."""
    return _Simulation(requests, engine, pace, policy, random.Random(seed)).run(until_s)  # noqa: S311


class _Simulation:
    def __init__(
        self, requests: Sequence[Request], engine: Engine, pace: Pace, policy: Policy, chance: random.Random
    ) -> None:
        self.arriving = deque(requests)
        self.engine, self.pace, self.policy, self.chance = engine, pace, policy, chance
        self.replicas: list[Replica] = []
        self.queue: deque[Seen] = deque()
        self.delays = Delays(pace)
        self.outcome = Outcome()
        self.target, self.made = 0, 0
        self.last_up_s: float | None = None
        self.recorded: deque[tuple[float, int, int]] = deque()
        self.reports: dict[str, ReplicaReport] = {}
        self.sent: tuple[float, float, dict[str, ReplicaReport]] = (0.0, 0.0, {})

    def run(self, until_s: float) -> Outcome:
        for tick in range(int(until_s / TICK_S)):
            now = tick * TICK_S
            self._arrive(now)
            self._dispatch(now)
            for replica in self.replicas:
                for _ in replica.work(now):
                    pass
            if now % 1 == 0:
                self._observe(now)
                self._scale(now)
            self.outcome.replica_hours += len(self.replicas) * TICK_S / 3600
        return self.outcome

    def _arrive(self, now: float) -> None:
        while self.arriving and self.arriving[0].arrival_s <= now:
            request = self.arriving.popleft()
            if len(self.queue) >= self.pace.max_queued:
                self.outcome.refused += 1
                continue
            seen = Seen(request)
            self.outcome.seen.append(seen)
            self.queue.append(seen)
        self.outcome.longest_queue = max(self.outcome.longest_queue, len(self.queue))

    def _dispatch(self, now: float) -> None:
        """To the less busy of two, as Ray does."""
        ready = [one for one in self.replicas if one.running(now) and not one.leaving]
        while self.queue:
            open_ones = [one for one in ready if one.fits(self.queue[0].request)]
            if not open_ones:
                return
            two = self.chance.sample(open_ones, min(2, len(open_ones)))
            min(two, key=lambda one: one.ongoing).take(self.queue.popleft())

    def _observe(self, now: float) -> None:
        running = [one for one in self.replicas if one.running(now) and not one.leaving]
        ongoing = len(self.queue) + sum(one.ongoing for one in running)
        if now % RECORD_S == 0:
            self.recorded.append((now, ongoing, len(self.queue)))
            while self.recorded[0][0] <= now - LOOK_BACK_S:
                self.recorded.popleft()
            self.reports = {one.name: one.report(now) for one in running}
        if now % PUSH_S == 0 and self.recorded:
            total, queued = (sum(row[i] for row in self.recorded) / len(self.recorded) for i in (1, 2))
            self.sent = (total, queued, self.reports)

    def _scale(self, now: float) -> None:
        staying = [one for one in self.replicas if not one.leaving]
        total, queued, reports = self.sent
        signals = Signals(
            now_s=now,
            target_replicas=self.target,
            min_replicas=self.pace.min_replicas,
            max_replicas=self.pace.max_replicas,
            replicas={one.name: reports.get(one.name) for one in staying if one.running(now)},
            ongoing_requests=total,
            queued_requests=queued,
            last_scale_up_s=self.last_up_s,
        )
        target = self.delays.target(self.policy, signals)
        if target > self.target:
            self.last_up_s = now
        self.target = target
        for _ in range(target - len(staying)):
            self.made += 1
            self.replicas.append(Replica(self.engine, now, str(self.made)))
        # Those that have not started go first, then the least busy.
        for one in sorted(staying, key=lambda one: (one.running(now), one.ongoing))[: len(staying) - target]:
            one.leaving = True
        self.replicas = [one for one in self.replicas if not one.leaving or one.ongoing]
        count = (target, sum(one.running(now) and not one.leaving for one in self.replicas))
        if not self.outcome.counts or self.outcome.counts[-1][1:] != count:
            self.outcome.counts.append((now, *count))
