import json
import pickle

import pytest
from pydantic import ValidationError

from serving import errors
from serving.errors import ErrorBody, OpenAIError, ToldError

EVERY = [
    errors.invalid_request("No.", param="temperature"),
    errors.context_too_long(prompt_tokens=9000, max_tokens=1000, context_tokens=8192),
    errors.body_too_large(body_bytes=3_000_000, limit_bytes=2_000_000),
    errors.unknown_model("copilot:sales"),
    errors.adapter_invalid("copilot:sales", "it is cut off"),
    errors.adapter_unavailable("copilot:sales", 5),
    errors.overloaded(7),
    errors.starting(240),
    errors.unavailable(5),
    errors.replica_lost(),
    errors.internal(),
]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.error.code)
def test_every_error_has_the_form_of_openai(error: OpenAIError):
    assert set(error.body()) == {"error"}
    assert set(error.body()["error"]) == {"message", "type", "param", "code"}
    assert error.body()["error"]["message"]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.error.code)
def test_an_error_in_a_stream_is_one_event_with_the_same_body(error: OpenAIError):
    assert error.event().startswith("data: ")
    assert error.event().endswith("\n\n")
    assert error.event().count("\n") == 2
    assert json.loads(error.event().removeprefix("data: ")) == error.body()


def test_no_two_errors_share_a_code():
    codes = [error.error.code for error in EVERY]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (
            errors.context_too_long(prompt_tokens=2, max_tokens=2, context_tokens=3),
            400,
            "invalid_request_error",
        ),
        (errors.body_too_large(body_bytes=2, limit_bytes=1), 400, "invalid_request_error"),
        (errors.unknown_model("x"), 404, "invalid_request_error"),
        (errors.overloaded(1), 429, "rate_limit_error"),
        (errors.starting(1), 503, "server_error"),
        (errors.unavailable(1), 503, "server_error"),
        (errors.replica_lost(), 500, "server_error"),
        (errors.internal(), 500, "server_error"),
    ],
)
def test_each_fault_has_its_status_and_type(error: OpenAIError, status: int, kind: str):
    assert (error.status, error.error.type) == (status, kind)


def test_who_should_come_back_is_told_when():
    assert errors.overloaded(7).headers() == {"Retry-After": "7"}
    assert errors.starting(240).headers() == {"Retry-After": "240"}


def test_who_should_not_come_back_is_told_nothing():
    assert errors.internal().headers() == {}
    assert errors.unknown_model("x").headers() == {}


def test_a_context_that_is_too_long_is_told_with_the_numbers():
    message = errors.context_too_long(prompt_tokens=9000, max_tokens=1000, context_tokens=8192).error.message
    assert all(number in message for number in ("9000", "1000", "10000", "8192", "1808"))


def test_a_prompt_that_nobody_has_counted_is_not_told_a_number_of():
    error = errors.context_too_long(prompt_tokens=None, max_tokens=9000, context_tokens=8192)
    assert "None" not in error.error.message
    assert error.error.param == "max_tokens"


@pytest.mark.parametrize(("prompt", "param"), [(9000, "messages"), (8000, "max_tokens")])
def test_the_field_at_fault_is_the_one_that_can_be_lowered_far_enough(prompt: int, param: str):
    error = errors.context_too_long(prompt_tokens=prompt, max_tokens=1000, context_tokens=8192)
    assert error.error.param == param


def test_a_body_that_is_too_large_is_told_with_the_numbers():
    message = errors.body_too_large(body_bytes=3_000_000, limit_bytes=2_000_000).error.message
    assert "3000000" in message
    assert "2000000" in message


def test_a_name_with_a_line_break_does_not_break_the_event():
    event = errors.unknown_model("a\n\ndata: b").event()
    assert event.count("\n") == 2


@pytest.mark.parametrize("wrong", [{"status": 200}, {"retry_after_s": 0}, {"detail": "x"}])
def test_an_error_that_cannot_be_is_refused(wrong: dict[str, object]):
    body = ErrorBody(message="m", type="server_error", code="c")
    with pytest.raises(ValidationError):
        OpenAIError.model_validate({"status": 500, "error": body, **wrong})


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.error.code)
def test_an_error_of_another_process_is_told_as_it_was_there(error: OpenAIError):
    assert pickle.loads(pickle.dumps(ToldError(error))).told == error  # noqa: S301 - our own
