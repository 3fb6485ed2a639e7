"""The policy on an hour of a recorded trace, in the simulation of `benchmarks`. Nothing here was measured."""

from dataclasses import replace

import pytest

from benchmarks.autoscaling import (
    CASES,
    OUR_PACE,
    Compared,
    compare,
    engine,
    ours,
    p95_s,
    planned,
    requests,
)
from benchmarks.simulated_replicas import Delays, Engine, Outcome, Pace, Request, simulate
from serving.signals import Signals

HOUR = CASES[0]


@pytest.fixture(scope="module", params=(1, 2, 3), ids=lambda seed: f"draw {seed}")
def compared(request: pytest.FixtureRequest) -> Compared:
    return compare(HOUR, request.param, (0.15, 0.3, 0.4, 0.8))


def test_it_goes_from_none_to_several_and_back_to_none(compared: Compared):
    ordered = [count for _, count, _ in compared.mine.counts]
    assert max(ordered) >= 4
    assert compared.mine.counts[-1][1:] == (0, 0)


def test_it_goes_up_and_down_once_and_does_not_flap(compared: Compared):
    assert compared.mine.turns <= 2
    assert min(outcome.turns for outcome in compared.rays.values()) > compared.mine.turns


def test_everybody_who_is_let_in_is_answered_and_the_queue_stays_within_its_bound(compared: Compared):
    assert compared.mine.unfinished == 0
    assert compared.mine.longest_queue <= Pace().max_queued
    assert len(compared.mine.seen) + compared.mine.refused == len(compared.asked)


def test_the_slo_holds_once_replicas_have_started(compared: Compared):
    assert p95_s(compared.mine) <= 4 * 1.0


def test_it_takes_fewer_replica_hours_than_ongoing_requests_alone_at_the_same_p95(compared: Compared):
    rays = compared.same_p95()
    assert rays
    assert compared.mine.replica_hours < 0.9 * rays.replica_hours


def test_it_takes_fewer_replica_hours_and_a_better_p95_than_what_is_emitted_without_traffic(
    compared: Compared,
):
    rays = compared.rays[0.8]
    assert compared.mine.replica_hours < rays.replica_hours
    assert p95_s(compared.mine) < p95_s(rays)


@pytest.mark.parametrize("pace", [0.7, 1.6], ids=["faster", "slower"])
def test_it_copes_with_replicas_that_are_not_as_fast_as_planned(pace: float):
    asked = requests(HOUR, 1)
    model, alone = (planned(asked, HOUR.nodes_min, concurrency) for concurrency in (None, 1))
    as_planned = engine(model, alone)
    other = replace(
        as_planned,
        step_s=pace * as_planned.step_s,
        per_request_s=pace * as_planned.per_request_s,
        per_prompt_token_s=pace * as_planned.per_prompt_token_s,
    )
    outcome = simulate(asked, other, OUR_PACE, ours(model), until_s=HOUR.until_s, seed=1)
    assert outcome.turns <= 2
    assert outcome.counts[-1][1:] == (0, 0)
    assert p95_s(outcome) <= 4 * 1.0


def test_the_same_draw_gives_the_same_requests_and_another_gives_others():
    assert requests(HOUR, 1) == requests(HOUR, 1)
    assert requests(HOUR, 1) != requests(HOUR, 2)


# ---- the simulation itself ----

ENGINE = Engine(
    step_s=0.02,
    per_request_s=0.0,
    per_prompt_token_s=0.0001,
    step_tokens=2048,
    concurrency=2,
    kv_tokens=4000,
    start_s=60,
)


def one_replica(*asked: Request, pace: Pace | None = None) -> Outcome:
    return simulate(asked, ENGINE, pace or Pace(min_replicas=1, max_replicas=1), lambda _: 1, until_s=300)


def test_a_request_waits_for_a_start_then_for_its_prompt_and_then_for_each_token():
    seen = one_replica(Request(0, 1000, 100)).seen[0]
    assert seen.ttft_s == pytest.approx(60 + 0.12, abs=0.5)
    assert seen.end_s == pytest.approx(60 + 0.12 + 100 * 0.02, abs=0.75)


def test_more_requests_than_a_replica_takes_wait_their_turn():
    first, second, third = one_replica(*[Request(70, 100, 1000)] * 3).seen
    assert second.ttft_s == pytest.approx(first.ttft_s, abs=0.5)
    assert third.ttft_s > 15


def test_requests_beyond_the_queue_are_refused():
    outcome = one_replica(*[Request(0, 100, 10)] * 30, pace=Pace(1, 1, max_queued=10))
    assert (outcome.refused, outcome.longest_queue, outcome.unfinished) == (20, 10, 0)


def test_a_replica_is_paid_for_from_its_order_on():
    assert one_replica(Request(0, 100, 10)).replica_hours == pytest.approx(300 / 3600, rel=0.01)


def test_a_replica_that_is_taken_away_finishes_what_it_has():
    def policy(signals: Signals) -> float:
        return 0 if signals.now_s > 80 else 1

    outcome = simulate([Request(70, 100, 2000)], ENGINE, Pace(0, 1, 0, 0), policy, until_s=300)
    assert outcome.unfinished == 0
    assert outcome.seen[0].end_s > 100
    assert outcome.replica_hours < 150 / 3600


def test_delays_keep_a_short_wish_from_being_heard():
    delays = Delays(OUR_PACE)
    heard: list[int] = []
    for step, wish in enumerate([1, 2, 1, 2, 2, 2]):
        seen = Signals(
            now_s=step * 9, target_replicas=1, min_replicas=0, max_replicas=8, replicas={"a": None}
        )
        heard.append(delays.target(lambda _, wish=wish: wish, seen))
    assert heard == [1, 1, 1, 1, 1, 2]
