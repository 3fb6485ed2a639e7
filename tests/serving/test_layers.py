"""The layers on a small application, without Ray's parts around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response, StreamingResponse
from starlette.testclient import TestClient

from serving.errors import ToldError, unknown_model
from serving.layers import ErrorsInOpenAiForm, LimitedApp, answered, at_the_end

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

LIMIT = 1000
INTERNAL = "10.0.0.7:/home/ray/secret.py"
FAILURES: dict[str, Exception] = {
    "fault": RuntimeError(INTERNAL),
    "busy": BackPressureError(9, 8, 429, 7.2),
    "gone": DeploymentUnavailableError(INTERNAL),
    "killed": RayActorError(error_msg=INTERNAL),
    "unknown": ToldError(unknown_model("copilot:sales")),
    "refused": HTTPException(400, "temperature must be non-negative"),
}


class Question(BaseModel):
    words: str
    count: int = 1


def _application(ended: list[str]) -> FastAPI:
    app = FastAPI()
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answered)
    app.user_middleware.append(Middleware(ErrorsInOpenAiForm))

    @app.middleware("http")  # Ray has one of this kind, which wraps what is read and what is raised
    async def passed_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    @app.get("/fail/{kind}")
    async def fail(kind: str, request: Request) -> None:
        at_the_end(request, lambda: ended.append(kind))
        raise FAILURES[kind]

    @app.get("/stream/{kind}")
    async def stream(kind: str, request: Request) -> StreamingResponse:
        at_the_end(request, lambda: ended.append(kind))

        async def words() -> AsyncIterator[str]:
            yield "data: one\n\n"
            assert not ended
            if kind in FAILURES:
                raise FAILURES[kind]

        return StreamingResponse(words(), media_type="text/event-stream")

    @app.get("/done")
    async def done() -> StreamingResponse:
        async def words() -> AsyncIterator[str]:
            yield "data: one\n\ndata: [DONE]\n\n"
            raise FAILURES["killed"]

        return StreamingResponse(words(), media_type="text/event-stream")

    @app.get("/silent")
    async def silent(request: Request) -> StreamingResponse:
        at_the_end(request, lambda: ended.append("silent"))

        async def nothing() -> AsyncIterator[str]:
            await asyncio.sleep(60)
            yield "too late"

        return StreamingResponse(nothing())

    @app.post("/ask")
    async def ask(question: Question, request: Request) -> dict[str, Any]:
        return {"words": len(question.words), "id": request.headers.get("x-request-id")}

    return app


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def client(ended: list[str]) -> Iterator[TestClient]:
    with TestClient(LimitedApp(_application(ended), LIMIT), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("fault", 500, "internal_error"),
        ("busy", 429, "rate_limit_exceeded"),
        ("gone", 503, "model_unavailable"),
        ("killed", 500, "replica_lost"),
        ("unknown", 404, "model_not_found"),
        ("refused", 400, "invalid_value"),
    ],
)
def test_every_failure_is_told_in_the_form_of_openai(
    client: TestClient, kind: str, status: int, code: str
) -> None:
    answer = client.get(f"/fail/{kind}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert INTERNAL not in answer.text


@pytest.mark.parametrize("way", ["/fail/busy", "/stream/killed", "/stream/whole"])
def test_what_is_done_at_the_end_is_done_once_however_a_request_ends(
    client: TestClient, ended: list[str], way: str
) -> None:
    client.get(way)
    assert ended == [way.rpartition("/")[2]]


def test_what_is_done_at_the_end_is_done_where_a_client_has_gone(ended: list[str]) -> None:
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"} if not sent else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])
        await asyncio.sleep(0.01)

    scope = {"type": "http", "method": "GET", "path": "/silent", "headers": [], "query_string": b""}
    app = LimitedApp(_application(ended), LIMIT)
    asyncio.run(asyncio.wait_for(app({**scope, "headers": [(b"content-length", b"0")]}, receive, send), 10))
    assert ended == ["silent"]


def test_a_full_queue_says_when_to_come_back(client: TestClient) -> None:
    assert client.get("/fail/busy").headers["retry-after"] == "8"


def test_a_stream_that_breaks_ends_with_an_error_event(client: TestClient) -> None:
    answer = client.get("/stream/killed")
    assert answer.status_code == 200
    first, last = answer.text.strip().split("\n\n")
    assert first == "data: one"
    assert '"code":"replica_lost"' in last
    assert INTERNAL not in answer.text


def test_a_stream_that_was_whole_ends_without_an_error(client: TestClient) -> None:
    assert client.get("/done").text == "data: one\n\ndata: [DONE]\n\n"


def test_a_body_at_the_limit_is_read_and_a_longer_one_is_not(client: TestClient) -> None:
    def asked(size: int) -> Any:
        body = '{"words":"' + "x" * (size - len('{"words":""}')) + '"}'
        return client.post("/ask", content=body, headers={"content-type": "application/json"})

    assert asked(LIMIT).status_code == 200
    answer = asked(LIMIT + 1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_too_large")
    assert f"{LIMIT + 1} bytes" in answer.text
    assert f"at most {LIMIT}" in answer.text


def test_a_body_of_unstated_size_is_read_up_to_the_limit(client: TestClient) -> None:
    answer = client.post("/ask", content=(b"x" * 400 for _ in range(1000)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_too_large")


def test_all_that_is_wrong_with_a_request_is_told_at_once(client: TestClient) -> None:
    answer = client.post("/ask", json={"count": "many"})
    assert answer.status_code == 400
    assert "words: " in answer.json()["error"]["message"]
    assert "count: " in answer.json()["error"]["message"]
    assert answer.json()["error"]["param"] == "words"


def test_what_is_no_json_is_told_without_its_text(client: TestClient) -> None:
    answer = client.post("/ask", content=b"{secret", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "secret" not in answer.text


def test_an_unknown_path_is_told_in_the_form_of_openai(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "http_404")
