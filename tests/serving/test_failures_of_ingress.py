"""The layer in Ray's proxy, on a proxy that loses its ingress at a chosen point."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ray.serve._private.http_util import convert_object_to_asgi_messages, validate_http_proxy_callback_return
from ray.serve._private.utils import call_function_from_import_path
from starlette.types import Message, Receive, Scope, Send

from localcloud.serve import IN_THE_IMAGE
from serving import errors, proxy
from serving.image import contents
from serving.proxy import WholeAnswers

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
JSON_START = {**START, "headers": [(b"content-type", b"application/json")]}
WORD = {"type": "http.response.body", "body": b"data: one\n\n", "more_body": True}
END = {"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False}
BODY: list[Message] = [
    {"type": "http.request", "body": b"he", "more_body": True},
    {"type": "http.request", "body": b"llo", "more_body": False},
]
LOST = errors.replica_lost()


class Proxy:
    """Reads a request whole, then sends what it is given for each attempt; nothing more where it is lost."""

    def __init__(self, *attempts: list[Message]) -> None:
        self.left, self.read = list(attempts), list[bytes]()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.read.append(body)
        for message in self.left.pop(0):
            await send(message)


def answer_of(ray: Proxy, received: list[Message], path: str = "/v1/chat/completions") -> list[Message]:
    """What a client is sent."""
    sent: list[Message] = []
    left: Iterator[Message] = iter([*received, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(left)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "path": path, "headers": [(b"x-request-id", b"mine-7")]}
    asyncio.run(WholeAnswers(ray)(scope, receive, send))
    return sent


def test_an_answer_goes_through_as_it_is() -> None:
    ray = Proxy([START, WORD, END])
    assert answer_of(ray, BODY) == [START, WORD, END]
    assert ray.read == [b"hello"]


@pytest.mark.parametrize("first", [[], [START]], ids=["nothing", "head alone"])
def test_a_request_without_an_answer_is_sent_once_more_whole(first: list[Message]) -> None:
    ray = Proxy(first, [START, WORD, END])
    assert answer_of(ray, BODY) == [START, WORD, END]
    assert ray.read == [b"hello", b"hello"]


def test_a_second_loss_is_told_in_openai_form_under_the_request_id() -> None:
    start, body = answer_of(Proxy([], []), BODY)
    assert start["status"] == LOST.status
    assert (b"x-request-id", b"mine-7") in start["headers"]
    assert body["body"].startswith(b'{"error":{"message":"The replica that worked on this request')


@pytest.mark.parametrize("attempts", [[[START, WORD]], [[], [START, WORD]]], ids=["first", "second"])
def test_a_stream_that_breaks_off_ends_with_an_error_event(attempts: list[list[Message]]) -> None:
    *begun, last = answer_of(Proxy(*attempts), BODY)
    assert begun == [START, WORD]
    assert last == {"type": "http.response.body", "body": LOST.event().encode(), "more_body": False}


def test_a_stream_that_was_whole_is_ended_without_an_error() -> None:
    whole = {**END, "more_body": True}
    *sent, last = answer_of(Proxy([START, WORD, whole]), BODY)
    assert sent == [START, WORD, whole]
    assert last == {"type": "http.response.body", "body": b"", "more_body": False}


def test_another_answer_that_breaks_off_is_left_to_the_server_to_cut() -> None:
    assert answer_of(Proxy([JSON_START, WORD]), BODY) == [JSON_START, WORD]


def test_a_client_that_went_away_is_sent_nothing() -> None:
    ray = Proxy([])
    assert answer_of(ray, BODY[:1]) == []
    assert ray.read == []


def refusal(status: int) -> list[Message]:
    """As Ray's proxy writes it."""
    return convert_object_to_asgi_messages("Deployment 'OpenAiIngress' is 10.0.0.7", status_code=status)


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (404, 503, "model_unavailable"),
        (408, 408, "http_408"),
        (429, 429, "rate_limit_exceeded"),
        (500, 500, "internal_error"),
        (503, 503, "model_unavailable"),
    ],
)
def test_what_the_proxy_itself_refuses_is_told_in_openai_form(status: int, told: int, code: str) -> None:
    ray = Proxy(refusal(status))
    start, body = answer_of(ray, BODY)
    assert start["status"] == told
    assert json.loads(body["body"])["error"]["code"] == code
    assert b"Ingress" not in body["body"]
    assert (b"retry-after" in dict(start["headers"])) == (told in (429, 503))
    assert ray.read == [b"hello"]


def test_what_it_tells_probes_is_left_as_it_is() -> None:
    assert answer_of(Proxy(refusal(503)), BODY, "/-/healthz") == refusal(503)


def test_a_body_that_is_too_long_to_keep_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "KEPT_BYTES", 4)
    ray = Proxy([])
    assert answer_of(ray, BODY)[0]["status"] == LOST.status
    assert ray.read == [b"hello"]


def test_the_image_and_this_machine_have_rays_proxies_load_the_layer() -> None:
    set_there = dict(re.findall(r"^ENV (\w+)=(.+)$", contents()["Dockerfile"].decode(), re.MULTILINE))
    assert IN_THE_IMAGE.items() <= set_there.items()
    assert "serving/proxy.py" in contents()
    (path,) = IN_THE_IMAGE.values()
    (layer,) = validate_http_proxy_callback_return(call_function_from_import_path(path))
    assert layer.cls is WholeAnswers
