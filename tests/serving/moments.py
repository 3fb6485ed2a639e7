"""Moments of a model's replicas, to ask the policy about."""

from typing import Any

from serving.autoscaling import AutoscalingSettings, State, desired
from serving.signals import ReplicaReport, Signals

NOW_S = 1_000_000.0
SETTINGS = AutoscalingSettings(
    concurrency=10,
    kv_tokens=16_000,
    request_tokens=1200,
    requests_per_second=1.0,
    cold_start_s=300,
    ttft_slo_ms=500,
    tpot_slo_ms=50,
)
"""A replica is full with 10 requests or 16,000 tokens; 60 that wait ask for one more."""
SETTLED = State(running=1, running_since_s=NOW_S - 1000)


def report(running: float = 0, tokens: float | None = None, **changed: Any) -> ReplicaReport:
    given = {
        "at_s": NOW_S - 5,
        "running_requests": running,
        "waiting_requests": 0,
        "running_tokens": running * 1200 if tokens is None else tokens,
        "waiting_tokens": 0,
        "kv_use": 0,
    }
    return ReplicaReport.model_validate({**given, **changed})


def signals(*reports: ReplicaReport | None, **changed: Any) -> Signals:
    given = {
        "now_s": NOW_S,
        "target_replicas": len(reports),
        "min_replicas": 0,
        "max_replicas": 8,
        "replicas": {str(number): one for number, one in enumerate(reports)},
    }
    return Signals.model_validate({**given, **changed})


def replicas(of: Signals, settings: AutoscalingSettings = SETTINGS, state: State = SETTLED) -> int:
    return desired(of, settings, state)[0]


def after(seconds: float, of: Signals) -> Signals:
    """The same a while later, the reports as fresh as before."""
    moved = {
        name: one and one.model_copy(update={"at_s": one.at_s + seconds}) for name, one in of.replicas.items()
    }
    return of.model_copy(update={"now_s": of.now_s + seconds, "replicas": moved})
