"""Replicas that say nothing, or nothing that can be, and how Ray hands over what they say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.autoscaling import STATE_KEY, LLMAutoscaling, State, desired
from serving.signals import FIGURES, LOADS, ReplicaReport, signals_of
from tests.serving.moments import NOW_S, SETTINGS, SETTLED, after, replicas, report, signals

WRONG = [math.nan, math.inf, -math.inf, -1.0, -0.001, 1e300, 10**400, True, "7", None, [1]]


@pytest.mark.parametrize("value", WRONG, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_that_cannot_be_is_left_out_and_the_others_count(name: str, value: object):
    whole = report(5, gpu_use=0.9, ttft_p95_ms=100, tpot_p95_ms=10)
    read = ReplicaReport.read({**whole.stats(), f"engine_{name}": value}, whole.at_s)
    assert read == whole.model_copy(update={name: None})


def test_a_share_beyond_the_whole_is_left_out():
    assert ReplicaReport.read({"engine_kv_use": 1.0}, 0).kv_use == 1.0
    assert ReplicaReport.read({"engine_kv_use": 73.0}, 0).kv_use is None


def test_what_a_replica_sends_is_what_is_read():
    whole = report(5, gpu_use=0.9, ttft_p95_ms=100)
    assert ReplicaReport.read(whole.stats(), whole.at_s) == whole
    assert all(type(value) is float for value in whole.stats().values())


@pytest.mark.parametrize("name", LOADS)
def test_who_leaves_out_a_figure_of_its_load_takes_nobody_away(name: str):
    assert replicas(signals(report(), report())) == 0
    assert replicas(signals(report(), report().model_copy(update={name: None}))) == 2


@pytest.mark.parametrize("age", [31, 10_000, -31])
def test_an_old_report_says_nothing_and_neither_does_one_from_the_future(age: float):
    assert replicas(signals(report(), report(at_s=NOW_S - age))) == 2
    assert replicas(signals(report(9), report(20, at_s=NOW_S - age))) == 2


@pytest.mark.parametrize("age", [30, -30])
def test_a_report_that_is_a_little_off_counts(age: float):
    assert replicas(signals(report(), report(at_s=NOW_S - age))) == 0


def test_one_that_has_been_silent_for_long_keeps_nobody_any_more():
    mute = signals(None, None)
    _, state = desired(mute, SETTINGS, SETTLED)
    assert replicas(after(119, mute), state=state) == 2
    assert replicas(after(120, mute), state=state) == 0


def test_each_silence_counts_from_its_own_beginning():
    _, state = desired(signals(None, report()), SETTINGS, SETTLED)
    assert replicas(after(130, signals(None, None)), state=state) == 2


def test_one_that_is_heard_again_keeps_nobody():
    _, state = desired(signals(None, report()), SETTINGS, SETTLED)
    assert replicas(after(10, signals(report(), report())), state=state) == 0


def test_one_that_reports_on_and_off_keeps_nobody_for_ever():
    state, found = SETTLED, []
    for step in range(14):
        seen = signals(report(), None if step % 2 else report())
        replicas_then, state = desired(after(step * 10.0, seen), SETTINGS, state)
        found.append(replicas_then)
    assert found[1] == 2
    assert found[13] == 0


def test_one_that_was_heard_for_long_may_fall_silent_anew():
    _, state = desired(signals(None, None), SETTINGS, SETTLED)
    for step in range(1, 14):
        _, state = desired(after(step * 10.0, signals(report(), report())), SETTINGS, state)
    assert state.silent_s == {}
    assert replicas(after(200, signals(None, None)), state=state) == 2


def test_where_nobody_reports_rays_own_counts_stand():
    assert replicas(signals(None, ongoing_requests=8)) == 1
    assert replicas(signals(None, ongoing_requests=9)) == 2


def test_requests_that_no_report_names_weigh_what_the_plan_says():
    heavy = SETTINGS.model_copy(update={"request_tokens": 4000})
    assert replicas(signals(None, ongoing_requests=4), heavy) == 2
    assert replicas(signals(None, ongoing_requests=3), heavy) == 1


# ---- what Ray hands over ----


@dataclass
class Point:
    timestamp: Any
    value: Any


@dataclass
class RayContext:
    """The fields of Ray's AutoscalingContext that are read."""

    raw_metrics: Any
    running_replicas: Sequence[str] = ("a", "b")
    current_time: float | None = NOW_S
    target_num_replicas: int = 2
    capacity_adjusted_min_replicas: int = 0
    capacity_adjusted_max_replicas: int = 8
    policy_state: dict[str, Any] = field(default_factory=dict)
    last_scale_up_time: float | None = None
    total_num_requests: float = 0.0
    total_queued_requests: float | None = None


def series(*reports: ReplicaReport) -> dict[str, dict[str, list[Point]]]:
    """As Ray keeps what one replica said, one time after the other."""
    found: dict[str, dict[str, list[Point]]] = {}
    for one in reports:
        for name, value in one.stats().items():
            found.setdefault(name, {}).setdefault("a", []).append(Point(one.at_s, value))
    return found


def test_the_newest_report_of_each_replica_counts():
    old, new = report(1, at_s=NOW_S - 16), report(7, at_s=NOW_S - 4)
    assert signals_of(RayContext(series(old, new))).replicas == {"a": new, "b": None}


def test_a_figure_that_the_newest_report_lacks_is_not_taken_from_an_older_one():
    old, new = report(1, at_s=NOW_S - 16, ttft_p95_ms=9000), report(7, at_s=NOW_S - 4)
    assert signals_of(RayContext(series(old, new))).replicas["a"] == new


def test_a_replicas_other_figures_are_not_ours():
    assert signals_of(RayContext({"running_requests": {"a": [Point(NOW_S, 3)]}})).replicas["a"] is None


@pytest.mark.parametrize("metrics", [None, {}, {"engine_kv_use": {}}, {"engine_kv_use": {"a": []}}])
def test_a_context_without_reports_is_read(metrics: Any):
    assert signals_of(RayContext(metrics)).replicas == {"a": None, "b": None}


ANYTHING = st.sampled_from(WRONG) | st.floats() | st.integers()


@given(st.dictionaries(st.sampled_from([f"engine_{name}" for name in FIGURES]), ANYTHING), ANYTHING, ANYTHING)
def test_whatever_is_reported_the_policy_answers_and_takes_nobody_away(
    stats: dict[str, Any], at: Any, ongoing: Any
):
    metrics = {name: {"a": [Point(at, value)]} for name, value in stats.items()}
    context = RayContext(metrics, total_num_requests=ongoing)
    found, state = LLMAutoscaling(**SETTINGS.model_dump())(context)
    assert 2 <= found <= 8
    assert isinstance(state[STATE_KEY], State)


def test_a_state_that_is_not_ours_is_forgotten():
    context = RayContext(series(report(1)), ("a",), target_num_replicas=1, policy_state={STATE_KEY: "x"})
    assert LLMAutoscaling(**SETTINGS.model_dump())(context)[0] == 1
