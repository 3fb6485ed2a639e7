import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.autoscaling import STATE_KEY, AutoscalingSettings, LLMAutoscaling, State, desired
from serving.signals import FIGURES, LOADS, ReplicaReport, Signals, signals_of

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


# ---- work ----


def test_nothing_to_do_needs_nobody():
    assert replicas(signals(report())) == 0


def test_a_single_request_keeps_a_replica():
    assert replicas(signals(report(1))) == 1


@pytest.mark.parametrize(("running", "wanted"), [(8, 1), (8.1, 2), (16, 2), (16.1, 3)])
def test_one_more_is_ordered_before_the_replicas_are_full(running: float, wanted: int):
    assert replicas(signals(report(running, tokens=0))) == wanted


@pytest.mark.parametrize(("running", "wanted"), [(6.1, 2), (6, 1)])
def test_one_goes_only_when_the_others_keep_room(running: float, wanted: int):
    assert replicas(signals(report(running / 2), report(running / 2))) == wanted


@pytest.mark.parametrize(("tokens", "wanted"), [(12_800, 1), (12_900, 2)])
def test_long_requests_count_by_their_tokens(tokens: float, wanted: int):
    assert replicas(signals(report(2, tokens))) == wanted


@pytest.mark.parametrize(("used", "wanted"), [(0.8, 1), (0.81, 2)])
def test_a_full_kv_cache_counts_whatever_fills_it(used: float, wanted: int):
    assert replicas(signals(report(1, kv_use=used))) == wanted


def test_kv_cache_in_use_with_no_request_anywhere_is_no_work():
    assert replicas(signals(report(0, kv_use=0.5))) == 0


@pytest.mark.parametrize(("queued", "wanted"), [(35, 2), (37, 3), (85, 4)])
def test_what_waits_counts_as_what_a_replica_answers_in_the_time_allowed(queued: float, wanted: int):
    ray = {"queued_requests": queued, "ongoing_requests": queued + 5}
    assert replicas(signals(report(5, tokens=0), **ray)) == wanted


def test_what_waits_inside_the_engine_counts_too():
    assert replicas(signals(report(5, waiting_requests=0))) == 1
    assert replicas(signals(report(5, waiting_requests=30))) == 2


@pytest.mark.parametrize(("tokens", "wanted"), [(1200, 2), (60_000, 3)])
def test_a_long_prompt_that_waits_counts_by_its_tokens(tokens: float, wanted: int):
    assert replicas(signals(report(5, waiting_requests=1, waiting_tokens=tokens))) == wanted


def test_without_a_known_rate_what_waits_counts_as_what_is_worked_on():
    unknown = SETTINGS.model_copy(update={"requests_per_second": None})
    ray = {"queued_requests": 7, "ongoing_requests": 12}
    assert replicas(signals(report(5, tokens=0), **ray)) == 2
    assert replicas(signals(report(5, tokens=0), **ray), unknown) == 3


@pytest.mark.parametrize(("queued", "wanted"), [(0.1, 1), (2, 3)])
def test_where_requests_wait_replicas_are_full_whatever_they_say(queued: float, wanted: int):
    two = [report(1)] * 2
    assert replicas(signals(*two, queued_requests=queued, ongoing_requests=queued + 2)) == wanted


@pytest.mark.parametrize(("alone", "wanted"), [(1.0, 1), (0.4, 2)])
def test_a_half_full_replica_may_do_more_than_half_of_what_it_can(alone: float, wanted: int):
    faster_alone = SETTINGS.model_copy(update={"time_alone": alone})
    assert replicas(signals(report(3, tokens=0), report(3, tokens=0)), faster_alone) == wanted
    assert SETTINGS.throughput(0.5) == 0.5
    assert faster_alone.throughput(0) == 0
    assert faster_alone.throughput(1) == 1
    assert faster_alone.throughput(3) == 3


def test_the_bounds_hold_whatever_the_work():
    assert replicas(signals(report(1000), max_replicas=3)) == 3
    assert replicas(signals(report(0), min_replicas=1)) == 1


# ---- hysteresis ----


def test_a_replica_is_kept_for_as_long_as_starting_one_takes():
    busy = signals(report(16))
    _, state = desired(busy, SETTINGS, SETTLED)
    quiet = signals(report(0), report(0))
    assert replicas(after(299, quiet), state=state) == 2
    assert replicas(after(300 + 300 / 8, quiet), state=state) == 0


def test_a_replica_that_starts_slowly_is_kept_for_longer():
    slow_start = SETTINGS.model_copy(update={"cold_start_s": 900})
    _, state = desired(signals(report(16)), slow_start, SETTLED)
    quiet = signals(report(0), report(0))
    assert replicas(after(899, quiet), slow_start, state) == 2
    assert replicas(after(900 + 900 / 8, quiet), slow_start, state) == 0


def test_a_peak_of_a_clock_that_was_set_back_is_forgotten():
    _, state = desired(after(1000, signals(report(16))), SETTINGS, SETTLED)
    assert replicas(signals(report(0), report(0)), state=state) == 0


def test_a_replica_that_starts_fast_is_kept_for_a_while_all_the_same():
    fast = SETTINGS.model_copy(update={"cold_start_s": 20})
    _, state = desired(signals(report(16)), fast, SETTLED)
    assert replicas(after(299, signals(report(0), report(0))), fast, state) == 2


def test_the_peak_is_kept_and_not_all_that_came_together():
    state = SETTLED
    for running in (9, 3):
        _, state = desired(signals(report(running, tokens=0)), SETTINGS, state)
    assert replicas(signals(report(1), report(1), report(1)), state=state) == 2


def test_a_replica_on_its_way_is_not_given_up_before_it_could_have_started():
    ordered = {"target_replicas": 1, "last_scale_up_s": NOW_S}
    nobody = signals(**ordered)
    assert replicas(after(299, nobody), state=State()) == 1
    assert replicas(after(300, nobody), state=State()) == 0


def test_between_the_two_thresholds_nothing_changes():
    seven = report(3.5)
    assert replicas(signals(seven, seven)) == 2
    assert replicas(signals(report(7, tokens=0))) == 1


# ---- latency ----


def slow(running: float = 5, **changed: Any) -> ReplicaReport:
    return report(running, **{"ttft_p95_ms": 2100, "gpu_use": 1.0, **changed})


def test_a_p95_beyond_what_is_allowed_orders_one_more():
    assert replicas(signals(slow())) == 2
    assert replicas(signals(slow(ttft_p95_ms=1900))) == 1


def test_a_p95_of_further_tokens_counts_the_same():
    assert replicas(signals(report(5, tpot_p95_ms=101))) == 2
    assert replicas(signals(report(5, tpot_p95_ms=99))) == 1


def test_without_an_slo_latency_has_no_say():
    none = SETTINGS.model_copy(update={"ttft_slo_ms": None})
    assert replicas(signals(slow()), none) == 1


def test_no_second_one_is_ordered_while_the_first_is_starting():
    assert replicas(signals(slow(), target_replicas=2)) == 2


def test_after_a_change_latency_is_not_heeded_until_the_p95_has_seen_it():
    both = signals(slow(), slow())
    changed = State(running=2, running_since_s=NOW_S - 119)
    assert replicas(both, state=changed) == 2
    assert replicas(after(1, both), state=changed) == 3


def test_a_replica_that_is_nearly_empty_is_not_slow_for_want_of_others():
    assert replicas(signals(slow(2.9))) == 1
    assert replicas(signals(slow(3.1))) == 2


def test_an_idle_gpu_is_not_what_makes_it_slow():
    assert replicas(signals(slow(gpu_use=0.4))) == 1
    assert replicas(signals(slow(gpu_use=0.5))) == 2
    assert replicas(signals(slow(gpu_use=None))) == 2


def test_a_busy_gpu_alone_orders_nobody():
    assert replicas(signals(report(5, gpu_use=1.0))) == 1


def test_one_slow_replica_of_three_does_not_speak_for_all():
    fine = report(5, ttft_p95_ms=300)
    state = State(running=3, running_since_s=0)
    assert replicas(signals(slow(), fine, fine), state=state) == 3
    assert replicas(signals(slow(), slow(), fine), state=state) == 4


def test_near_its_limit_latency_keeps_every_replica():
    assert replicas(signals(*[report(3, ttft_p95_ms=1500)] * 2)) == 2
    assert replicas(signals(*[report(3, ttft_p95_ms=1300)] * 2)) == 1


def test_the_work_of_a_moment_ago_is_to_blame_for_a_p95_that_looks_back():
    _, busy = desired(signals(slow(10, tokens=0)), SETTINGS, State(running=1, running_since_s=NOW_S - 10))
    _, state = desired(after(115, signals(slow(4))), SETTINGS, busy)
    assert state.strained == 1.0


def test_the_least_work_that_was_too_much_is_remembered():
    _, state = desired(signals(slow(4)), SETTINGS, SETTLED)
    _, state = desired(after(400, signals(slow(7))), SETTINGS, state)
    assert state.strained == 0.4


def test_work_that_was_once_too_much_for_one_is_not_given_to_one_again():
    _, state = desired(signals(slow(4)), SETTINGS, SETTLED)
    calm = signals(*[report(2, ttft_p95_ms=300)] * 2)
    later = after(1000, calm)
    assert replicas(later, state=SETTLED) == 1
    assert replicas(later, state=state) == 2
    assert replicas(after(4000, calm), state=state) == 1


# ---- replicas that say nothing ----

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


# ---- settings ----


@pytest.mark.parametrize(
    "wrong", [{"down_at": 0.8}, {"concurrency": 0}, {"cold_start_s": 0}, {"cpu_at": 0.5}, {"up_at": math.nan}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        AutoscalingSettings.model_validate({**SETTINGS.model_dump(), **wrong})


def test_the_documented_settings_are_settings():
    page = (Path(__file__).parents[2] / "docs" / "autoscaling.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["policy"]
    assert shown["policy_function"] == f"{LLMAutoscaling.__module__}:{LLMAutoscaling.__name__}"
    assert LLMAutoscaling(**shown["policy_kwargs"]).settings.concurrency == 24


def test_every_setting_that_the_plan_gives_is_documented_with_its_place():
    page = (Path(__file__).parents[2] / "docs" / "autoscaling.md").read_text(encoding="utf-8")
    table = page.split("| setting | from the plan |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    given = {name for name, each in AutoscalingSettings.model_fields.items() if each.is_required()}
    assert given <= named


# ---- laws ----

COUNTS = st.floats(0, 500)
SHARES = st.floats(0, 1)
REPORTS = st.none() | st.builds(
    ReplicaReport,
    at_s=st.sampled_from([NOW_S - 100, NOW_S - 3, NOW_S]),
    running_requests=st.none() | COUNTS,
    waiting_requests=st.none() | COUNTS,
    running_tokens=st.none() | st.floats(0, 1e6),
    waiting_tokens=st.none() | st.floats(0, 1e6),
    kv_use=st.none() | SHARES,
    gpu_use=st.none() | SHARES,
    ttft_p95_ms=st.none() | st.floats(0, 1e5),
    tpot_p95_ms=st.none() | st.floats(0, 1e4),
)
STATES = st.builds(
    State,
    peaks=st.lists(st.tuples(st.integers(26_650, 26_670), st.floats(0, 9)), max_size=4).map(tuple),
    running=st.integers(-1, 5),
    running_since_s=st.sampled_from([0.0, NOW_S - 10, NOW_S + 10]),
    strained=st.none() | st.floats(0.3, 2),
    strained_until_s=st.sampled_from([0.0, NOW_S + 10]),
)


@st.composite
def moments(draw: st.DrawFn) -> Signals:
    least = draw(st.integers(0, 3))
    queued = draw(COUNTS)
    return signals(
        *draw(st.lists(REPORTS, max_size=5)),
        target_replicas=draw(st.integers(0, 9)),
        min_replicas=least,
        max_replicas=least + draw(st.integers(1, 6)),
        queued_requests=queued,
        ongoing_requests=queued + draw(COUNTS),
        last_scale_up_s=draw(st.none() | st.floats(NOW_S - 1000, NOW_S)),
    )


def changed_report(of: Signals, name: str, by: float) -> Signals:
    """The first report with a figure raised."""
    for replica, one in of.replicas.items():
        if one and (value := getattr(one, name)) is not None:
            more = one.model_copy(update={name: value + by})
            return of.model_copy(update={"replicas": {**of.replicas, replica: more}})
    return of


@given(moments(), STATES)
def test_the_answer_is_within_the_bounds(of: Signals, state: State):
    assert of.min_replicas <= replicas(of, state=state) <= of.max_replicas


@given(moments(), STATES, COUNTS)
def test_more_queue_never_asks_for_fewer(of: Signals, state: State, more: float):
    longer = of.model_copy(
        update={
            "queued_requests": of.queued_requests + more,
            "ongoing_requests": of.ongoing_requests + more,
        }
    )
    assert replicas(longer, state=state) >= replicas(of, state=state)
    engine = changed_report(of, "waiting_requests", more)
    assert replicas(engine, state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.sampled_from(["running_tokens", "waiting_tokens"]), st.floats(0, 1e6))
def test_more_tokens_never_ask_for_fewer(of: Signals, state: State, name: str, more: float):
    assert replicas(changed_report(of, name, more), state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.sampled_from(["ttft_p95_ms", "tpot_p95_ms"]), st.floats(0, 1e5))
def test_more_latency_never_asks_for_fewer(of: Signals, state: State, name: str, more: float):
    assert replicas(changed_report(of, name, more), state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.data())
def test_replicas_that_fall_silent_never_lower_the_count(of: Signals, state: State, data: st.DataObject):
    if not of.replicas:
        return
    mute = data.draw(st.sets(st.sampled_from(sorted(of.replicas)), min_size=1))
    silent = of.model_copy(
        update={"replicas": {name: None if name in mute else one for name, one in of.replicas.items()}}
    )
    assert replicas(silent, state=state) >= min(of.max_replicas, of.target_replicas)


@given(moments(), STATES)
def test_the_same_signals_again_change_nothing(of: Signals, state: State):
    first, remembered = desired(of, SETTINGS, state)
    obeyed = of.model_copy(update={"target_replicas": first})
    assert desired(obeyed, SETTINGS, remembered) == (first, remembered)


@given(moments())
def test_nothing_is_remembered_without_bound(of: Signals):
    state = State()
    for step in range(40):
        _, state = desired(after(step * 60.0, of), SETTINGS, state)
    assert len(state.peaks) <= 9
    assert set(state.silent_s) <= set(of.replicas)


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
