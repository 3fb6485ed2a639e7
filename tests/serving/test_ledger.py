import pytest

from serving.admission import AdmissionSettings, Request
from serving.errors import ToldError
from serving.ledger import FORGET_S, Ledger

SETTINGS = AdmissionSettings(
    context_tokens=1000, kv_tokens=1600, answer_tokens=100, tokens_per_second=2000, wake_budget_s=300
)
"""100 blocks a replica, 200 with those that may wait."""
LONG = Request(prompt_tokens=700, max_tokens=100)
"""50 blocks."""


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def ledger(replicas: int, clock: Clock | None = None) -> Ledger:
    made = Ledger(SETTINGS, clock or Clock())
    made.saw(replicas)
    return made


def code(made: Ledger, request: Request = LONG) -> str:
    with pytest.raises(ToldError) as told:
        made.let_in(request)
    return told.value.told.error.code


def test_what_is_let_in_counts_until_it_is_taken_off():
    made = ledger(replicas=1)
    several = [made.let_in(LONG) for _ in range(4)]
    assert made.blocks == 200
    assert code(made) == "rate_limit_exceeded"
    made.take_off(several[0])
    assert made.let_in(LONG)
    for each in several:
        made.take_off(each)
    assert made.blocks == 0


def test_what_is_refused_does_not_count():
    made = ledger(replicas=1)
    assert code(made, Request(prompt_tokens=2000)) == "context_length_exceeded"
    assert made.blocks == 0


def test_more_replicas_let_more_in():
    made = ledger(replicas=2)
    assert len([made.let_in(LONG) for _ in range(8)]) == 8
    assert code(made) == "rate_limit_exceeded"


def test_who_comes_later_to_a_model_that_wakes_waits_for_what_is_left():
    clock = Clock()
    made = ledger(replicas=0, clock=clock)
    first = made.let_in(LONG).wake
    clock.now_s += 200
    second = made.let_in(LONG).wake
    assert first
    assert second
    assert (first.seconds, second.seconds) == (300, 100)


def test_a_model_that_wakes_beyond_its_budget_lets_nobody_in_until_it_runs():
    clock = Clock()
    made = ledger(replicas=0, clock=clock)
    made.take_off(made.let_in(LONG))
    clock.now_s += 100
    made.take_off(made.let_in(LONG))
    clock.now_s += 100
    made.take_off(made.let_in(LONG))
    clock.now_s += 60
    made.take_off(made.let_in(LONG))
    for _ in range(10):  # whoever was sent away comes back
        clock.now_s += FORGET_S / 2
        assert code(made) == "model_starting"
    made.saw(1)
    assert made.let_in(LONG).wake is None


def test_a_model_that_nobody_waits_for_any_more_wakes_anew():
    clock = Clock()
    made = ledger(replicas=0, clock=clock)
    made.take_off(made.let_in(LONG))
    clock.now_s += 400
    anew = made.let_in(LONG).wake
    assert anew
    assert anew.seconds == 300


def test_a_model_that_has_rested_again_wakes_anew():
    clock = Clock()
    made = ledger(replicas=0, clock=clock)
    made.take_off(made.let_in(LONG))
    clock.now_s += 50
    made.saw(1)
    made.saw(0)
    anew = made.let_in(LONG).wake
    assert anew
    assert anew.seconds == 300


def test_a_request_that_can_never_fit_wakes_nothing():
    clock = Clock()
    made = ledger(replicas=0, clock=clock)
    assert code(made, Request(prompt_tokens=2000)) == "context_length_exceeded"
    clock.now_s += 100
    first = made.let_in(LONG).wake
    assert first
    assert first.seconds == 300
