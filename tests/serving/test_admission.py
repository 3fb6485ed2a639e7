from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.admission import (
    AdmissionSettings,
    Admitted,
    InFlight,
    Refused,
    Request,
    admit,
    blocks_of,
)
from serving.errors import RETRY_AFTER_S

SETTINGS = AdmissionSettings(
    context_tokens=8192, kv_tokens=16_000, answer_tokens=200, tokens_per_second=2000, wake_budget_s=600
)
"""1,000 blocks a replica, 2,000 with those that may wait."""


def settings(**changed: Any) -> AdmissionSettings:
    return AdmissionSettings.model_validate({**SETTINGS.model_dump(), **changed})


def refused(request: Request, in_flight: InFlight, given: AdmissionSettings = SETTINGS) -> Refused:
    answer = admit(request, in_flight, given)
    assert isinstance(answer, Refused)
    return answer


def admitted(request: Request, in_flight: InFlight, given: AdmissionSettings = SETTINGS) -> Admitted:
    answer = admit(request, in_flight, given)
    assert isinstance(answer, Admitted)
    return answer


def test_a_request_weighs_its_prompt_and_all_it_may_write():
    assert blocks_of(Request(prompt_tokens=160, max_tokens=160), SETTINGS) == 20


def test_a_begun_block_is_a_whole_one():
    assert blocks_of(Request(prompt_tokens=16, max_tokens=1), SETTINGS) == 2


def test_a_request_that_says_no_length_weighs_what_the_plan_expects_of_it():
    assert blocks_of(Request(prompt_tokens=120), SETTINGS) == blocks_of(
        Request(prompt_tokens=120, max_tokens=200), SETTINGS
    )


def test_where_no_answer_is_planned_it_weighs_the_rest_of_the_context():
    assert blocks_of(Request(prompt_tokens=120), settings(answer_tokens=None)) == 8192 // 16


def test_several_answers_share_the_prompt():
    assert blocks_of(Request(prompt_tokens=160, max_tokens=160, answers=3), SETTINGS) == 10 + 3 * 10


def test_an_estimate_beyond_the_context_weighs_the_context():
    guess = Request(prompt_tokens=50_000, max_tokens=100, counted=False)
    assert blocks_of(guess, SETTINGS) == 8192 // 16


def test_as_many_long_requests_as_fit_are_let_in_and_many_more_short_ones():
    def let_in(request: Request) -> int:
        blocks = count = 0
        while isinstance(answer := admit(request, InFlight(blocks=blocks), SETTINGS), Admitted):
            blocks, count = blocks + answer.blocks, count + 1
        return count

    assert let_in(Request(prompt_tokens=7992, max_tokens=200)) == 3
    assert let_in(Request(prompt_tokens=120, max_tokens=200)) == 100


def test_beyond_the_bound_a_request_is_told_to_come_back():
    error = refused(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=1990)).error
    assert error.status == 429
    assert error.retry_after_s == 1


def test_up_to_the_bound_a_request_is_let_in():
    assert admitted(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=1980)).blocks == 20
    assert refused(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=1981)).error.status == 429


def test_who_comes_back_is_told_as_long_as_the_excess_takes_to_be_answered():
    # 1,500 blocks of 16 tokens at 2,000 tokens a second.
    assert refused(Request(prompt_tokens=1), InFlight(blocks=3487)).error.retry_after_s == 12


def test_where_no_pace_is_planned_who_comes_back_is_told_a_constant():
    error = refused(Request(prompt_tokens=1), InFlight(blocks=3487), settings(tokens_per_second=None)).error
    assert error.retry_after_s == RETRY_AFTER_S


def test_nobody_is_sent_away_for_longer_than_a_minute():
    assert refused(Request(prompt_tokens=1), InFlight(blocks=10**6)).error.retry_after_s == 60


def test_more_replicas_let_more_in():
    full = InFlight(blocks=1990)
    assert refused(Request(prompt_tokens=160, max_tokens=160), full).error.status == 429
    assert admitted(Request(prompt_tokens=160, max_tokens=160), full.model_copy(update={"replicas": 2}))


def test_two_ingress_replicas_share_the_bound():
    half = settings(ingress_replicas=2)
    assert refused(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=990), half).error.status == 429
    assert admitted(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=980), half)


def test_a_long_request_is_let_in_where_nothing_else_is_in_flight_however_small_the_share():
    small = settings(ingress_replicas=10)
    long = Request(prompt_tokens=8000, max_tokens=192)
    assert admitted(long, InFlight(), small).blocks == 512
    assert refused(long, InFlight(blocks=1), small).error.status == 429


@pytest.mark.parametrize(
    ("prompt", "most", "fits"), [(8000, 192, True), (8000, 193, False), (8192, None, False)]
)
def test_the_context_holds_prompt_and_answer_together(prompt: int, most: int | None, fits: bool):
    answer = admit(Request(prompt_tokens=prompt, max_tokens=most), InFlight(), SETTINGS)
    assert isinstance(answer, Admitted) is fits
    if isinstance(answer, Refused):
        assert answer.error.status == 400
        assert answer.error.error.code == "context_length_exceeded"
        assert "8192" in answer.error.error.message


def test_an_estimated_prompt_refuses_nothing_since_the_engine_counts():
    assert admitted(Request(prompt_tokens=9000, max_tokens=100, counted=False), InFlight())


def test_an_answer_beyond_the_context_is_refused_whatever_the_prompt():
    error = refused(Request(prompt_tokens=9, max_tokens=9000, counted=False), InFlight()).error
    assert error.status == 400
    assert all(number in error.error.message for number in ("9000", "8192"))


def test_a_request_that_can_never_fit_is_told_so_and_not_to_come_back_later():
    error = refused(Request(prompt_tokens=9000, max_tokens=1), InFlight(blocks=10**6, replicas=0)).error
    assert error.status == 400
    assert error.retry_after_s is None


def test_a_model_at_rest_lets_in_what_one_replica_would():
    assert admitted(Request(prompt_tokens=160, max_tokens=160), InFlight(blocks=1980, replicas=0))
    assert refused(Request(prompt_tokens=160), InFlight(blocks=1990, replicas=0)).error.status == 429


def test_who_waits_for_a_model_at_rest_waits_for_what_is_left_of_its_budget_and_then_gets_a_503():
    waiting = admitted(Request(prompt_tokens=9), InFlight(replicas=0, waking_s=500))
    assert waiting.wake
    assert waiting.wake.seconds == 100
    assert (waiting.wake.late.status, waiting.wake.late.error.code) == (503, "model_starting")


def test_a_model_that_wakes_beyond_its_budget_gives_503_with_retry_after():
    error = refused(Request(prompt_tokens=9), InFlight(replicas=0, waking_s=600)).error
    assert error.status == 503
    assert error.headers()["Retry-After"]


def test_once_a_replica_runs_nobody_is_refused_for_the_time_it_took():
    assert admitted(Request(prompt_tokens=9), InFlight(replicas=1, waking_s=601))


def test_nobody_waits_for_ever_on_a_running_model():
    waiting = admitted(Request(prompt_tokens=9), InFlight())
    assert waiting.wake is None
    assert waiting.answer.seconds == SETTINGS.first_token_s
    assert (waiting.answer.late.status, waiting.answer.late.error.code) == (503, "model_unavailable")


def test_once_it_has_woken_a_model_has_as_long_to_answer_as_one_that_runs():
    assert admitted(Request(prompt_tokens=9), InFlight(replicas=0, waking_s=500)).answer.seconds == 120


@pytest.mark.parametrize(("most", "tokens"), [(100, 100), (None, 200), (8192, 8183)])
def test_an_answer_that_is_not_streamed_is_waited_for_to_its_end(most: int | None, tokens: int):
    whole = Request(prompt_tokens=9, max_tokens=most, streamed=False, counted=False)
    waiting = admitted(whole, InFlight())
    assert waiting.answer.seconds == SETTINGS.first_token_s + tokens * SETTINGS.token_s


@pytest.mark.parametrize(
    "wrong",
    [
        {"kv_tokens": 8000},
        {"tokens_per_second": 0},
        {"wake_budget_s": float("inf")},
        {"kv_gib": 3},
        {"waiting": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings(**wrong)


REQUESTS = st.builds(
    Request,
    prompt_tokens=st.integers(0, 9000),
    max_tokens=st.none() | st.integers(1, 9000),
    answers=st.integers(1, 4),
    counted=st.booleans(),
)
STATES = st.builds(
    InFlight, blocks=st.integers(0, 5000), replicas=st.integers(0, 4), waking_s=st.floats(0, 1000)
)


@given(REQUESTS, STATES, st.integers(0, 3000))
def test_more_in_flight_never_lets_in_what_less_refuses(request: Request, state: InFlight, more: int):
    fuller = state.model_copy(update={"blocks": state.blocks + more})
    if isinstance(admit(request, state, SETTINGS), Refused) and state.blocks:
        assert isinstance(admit(request, fuller, SETTINGS), Refused)


@given(st.integers(0, 8000), st.integers(1, 8000), st.integers(0, 500), STATES)
def test_a_longer_request_never_gets_in_where_a_shorter_one_does_not(
    prompt: int, answer: int, longer: int, state: InFlight
):
    short, long = (Request(prompt_tokens=prompt + by, max_tokens=answer) for by in (0, longer))
    if isinstance(admit(short, state, SETTINGS), Refused):
        assert isinstance(admit(long, state, SETTINGS), Refused)


@given(st.integers(0, 8000), st.integers(1, 8000), st.integers(0, 500))
def test_a_longer_request_never_weighs_less(prompt: int, answer: int, longer: int):
    short, long = (Request(prompt_tokens=prompt + by, max_tokens=answer) for by in (0, longer))
    assert blocks_of(long, SETTINGS) >= blocks_of(short, SETTINGS)


@given(REQUESTS, STATES)
def test_whoever_is_refused_gets_a_client_error_or_a_time_to_come_back(request: Request, state: InFlight):
    answer = admit(request, state, SETTINGS)
    if isinstance(answer, Refused):
        told = [answer.error]
    else:
        told = [wait.late for wait in (answer.answer, answer.wake) if wait]
    for late in told:
        assert late.status in (400, 429, 503)
        assert (late.retry_after_s is None) == (late.status == 400)


@given(REQUESTS, STATES, st.lists(REQUESTS, max_size=20))
def test_what_is_let_in_never_exceeds_the_share_by_more_than_one_lone_request(
    request: Request, state: InFlight, more: list[Request]
):
    blocks = 0
    for one in (request, *more):
        answer = admit(one, state.model_copy(update={"blocks": blocks}), SETTINGS)
        blocks += answer.blocks if isinstance(answer, Admitted) else 0
    assert blocks <= max(max(1, state.replicas) * 2000, blocks_of(request, SETTINGS))
