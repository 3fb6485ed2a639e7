import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from serving.autoscaling import AutoscalingSettings, LLMAutoscaling, State, desired
from serving.signals import ReplicaReport
from tests.serving.moments import NOW_S, SETTINGS, SETTLED, after, replicas, report, signals

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
