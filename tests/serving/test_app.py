"""The application for real: Ray Serve and vLLM on simulated GPUs, asked over HTTP.

In the order of a model's life: at rest, woken, at work on two replicas, and with none left.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from rich.console import Console

from localcloud.serve import WAKE_S, deploy, simulated
from localcloud.serve_ray import LocalRay
from serving.signals import ReplicaReport
from tests.serving.copilot import (
    BODY,
    CONCURRENCY,
    CONTEXT,
    COPILOT,
    IMPATIENT,
    LLM_SERVER,
    NODE,
    PATIENCE_S,
    QUEUE,
    REPLICAS,
    config,
    kill,
    replicas_of,
    wait_for,
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

CHAT = "/v1/chat/completions"
Ask = Callable[..., httpx2.Response]
Reports = Callable[[], list[ReplicaReport]]


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    """The Ray that serves the application, whose model has no replica yet."""
    pushed = "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S"
    state, console = tmp_path_factory.mktemp("serve"), Console(stderr=True)
    with simulated(COPILOT.source, NODE, state, console, **{pushed: "0.5"}) as ray:
        deploy(ray, config(**IMPATIENT))
        yield ray


@pytest.fixture(scope="module")
def client(resting: LocalRay) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=resting.address, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture(scope="module")
def ask_now(client: httpx2.Client) -> Ask:
    """Ask a question, whatever state the model is in."""

    def asked(words: str = "Hello", **more: Any) -> httpx2.Response:
        return client.post(CHAT, json=_question(words, **more))

    return asked


@pytest.fixture(scope="module")
def running(resting: LocalRay, ask_now: Ask) -> LocalRay:
    """The same once both replicas run, and stay: woken by one who comes back whenever sent away."""
    ask_now()
    resting.deploy(config(min_replicas=REPLICAS))
    wait_for(lambda: ask_now().status_code != 503, WAKE_S, every_s=2)
    wait_for(lambda: len(replicas_of(resting, "RUNNING")) == REPLICAS, WAKE_S)
    time.sleep(2)  # until the ingress has seen them
    return resting


@pytest.fixture(scope="module")
def ask(running: LocalRay, ask_now: Ask) -> Ask:
    return ask_now


@pytest.fixture(scope="module")
def reports(running: LocalRay) -> Iterator[Reports]:
    """What the replicas tell the autoscaling policy, asked of them now."""
    script = Path(__file__).with_name("replica_reports.py")
    with subprocess.Popen(
        [sys.executable, script, running.gcs, LLM_SERVER, "llm"],
        env={**os.environ, **running.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reporter:
        assert reporter.stdin
        assert reporter.stdout

        def asked() -> list[ReplicaReport]:
            print(file=reporter.stdin, flush=True)
            return [ReplicaReport.read(each, time.time()) for each in json.loads(reporter.stdout.readline())]

        asked()  # once it has joined, it answers at once
        yield asked
        reporter.stdin.close()


def _question(words: str, **more: Any) -> dict[str, Any]:
    return {"model": "copilot", "messages": [{"role": "user", "content": words}], "max_tokens": 8, **more}


def _long(tokens: int) -> dict[str, Any]:
    """A question whose answer is streamed, and has so many tokens."""
    return _question("Hello", stream=True, max_tokens=tokens, min_tokens=tokens)


@contextmanager
def _stream(client: httpx2.Client, question: dict[str, Any]) -> Iterator[Iterator[str]]:
    """The lines of an answer whose first token is there; its client goes away at the end."""
    with client.stream("POST", CHAT, json=question) as stream:
        assert stream.status_code == 200, stream.read()
        lines = stream.iter_lines()
        next(lines)
        yield lines


def _error(answer: httpx2.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    return answer.status_code, answer.json()["error"]["code"]


def test_what_can_never_fit_is_refused_with_the_numbers_and_wakes_nothing(
    resting: LocalRay, ask_now: Ask
) -> None:
    answer = ask_now(max_tokens=CONTEXT + 808)
    assert _error(answer) == (400, "context_length_exceeded")
    assert str(CONTEXT) in answer.text
    assert str(CONTEXT + 808) in answer.text
    assert not replicas_of(resting, "STARTING", "RUNNING")


def test_who_asks_a_model_at_rest_waits_for_its_budget_and_is_told_when_to_come_back(ask_now: Ask) -> None:
    first, second = ask_now(), ask_now()
    for answer in (first, second):
        assert _error(answer) == (503, "model_starting")
        assert int(answer.headers["retry-after"]) > 0


def test_a_model_goes_on_waking_while_its_clients_are_sent_away(resting: LocalRay, ask_now: Ask) -> None:
    assert _error(ask_now()) == (503, "model_starting")
    time.sleep(3 * IMPATIENT["downscale_delay_s"])  # with nobody waiting it would be given up
    wait_for(lambda: len(replicas_of(resting, "STARTING", "RUNNING")) == REPLICAS)


def test_a_question_is_answered_with_its_usage_and_an_id(ask: Ask) -> None:
    answer = ask(temperature=0)
    assert answer.status_code == 200
    usage = answer.json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.headers["x-request-id"] in answer.json()["id"]


def test_an_id_of_the_client_is_kept(client: httpx2.Client, running: LocalRay) -> None:
    answer = client.post(CHAT, json=_question("Hello"), headers={"x-request-id": "mine-7"})
    assert answer.headers["x-request-id"] == "mine-7"


def test_a_stream_brings_the_same_words_then_usage_then_done(ask: Ask) -> None:
    whole = ask(temperature=0, min_tokens=8).json()
    streamed = ask(temperature=0, min_tokens=8, stream=True, stream_options={"include_usage": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, usage, done = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
    assert done == "[DONE]"
    assert json.loads(usage)["usage"] == {
        name: whole["usage"][name] for name in ("prompt_tokens", "total_tokens", "completion_tokens")
    }
    words = (json.loads(chunk)["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert "".join(words) == whole["choices"][0]["message"]["content"]


@pytest.mark.parametrize("model", ["nobody", "copilot:nothing"])
def test_an_unknown_model_or_adapter_is_not_found(ask: Ask, model: str) -> None:
    answer = ask(model=model)
    assert _error(answer) == (404, "model_not_found")
    assert model in answer.text


def test_a_prompt_too_long_for_the_context_is_refused_with_the_numbers(ask: Ask) -> None:
    answer = ask("x" * 2 * CONTEXT)
    assert _error(answer) == (400, "invalid_value")
    assert str(CONTEXT) in answer.text
    # vLLM reads on to where it is too long: "at least 8185 input tokens", beside the 8 of the answer.
    assert str(CONTEXT - 8 + 1) in answer.text


def test_an_answer_too_long_for_the_rest_of_the_context_is_refused_with_the_numbers(ask: Ask) -> None:
    answer = ask("x" * 4000, max_tokens=5000)
    assert _error(answer) == (400, "invalid_value")
    assert all(number in answer.text for number in ("5000", str(CONTEXT)))


def test_a_body_beyond_the_limit_is_refused_with_the_numbers(client: httpx2.Client, ask: Ask) -> None:
    answer = ask("x" * BODY)
    assert _error(answer) == (400, "request_too_large")
    assert str(BODY) in answer.text
    unstated = client.post(CHAT, content=(b"x" * 1000 for _ in range(100)))
    assert _error(unstated) == (400, "request_too_large")


def test_a_full_queue_refuses_and_says_when_to_come_back(ask: Ask) -> None:
    many = 3 * (CONCURRENCY * REPLICAS + QUEUE)
    with ThreadPoolExecutor(many) as clients:
        asked = [clients.submit(ask, min_tokens=60, max_tokens=60) for _ in range(many)]
        answers = [each.result() for each in asked]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(answers) - len(refused) >= CONCURRENCY * REPLICAS
    assert {_error(answer) for answer in refused} == {(429, "rate_limit_exceeded")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_a_few_long_requests_fill_the_kv_cache_that_many_short_ones_fit_beside(
    client: httpx2.Client, ask: Ask
) -> None:
    middling = _long(1000)
    with ExitStack() as streams:
        for _ in range(REPLICAS):
            streams.enter_context(_stream(client, _long(8000)))
        answer = client.post(CHAT, json=middling)
        assert _error(answer) == (429, "rate_limit_exceeded")
        assert int(answer.headers["retry-after"]) > 0
        assert [ask().status_code for _ in range(5)] == [200] * 5

    def has_room() -> bool:
        with client.stream("POST", CHAT, json=middling) as stream:
            return stream.status_code == 200

    wait_for(has_room)


def test_clients_that_go_away_free_their_kv_blocks_whether_they_were_answered_or_queued(
    client: httpx2.Client, running: LocalRay, reports: Reports
) -> None:
    def load() -> list[float]:
        return [each.running_requests + each.waiting_requests + each.kv_use for each in reports()]

    wait_for(lambda: not any(load()))
    with ExitStack() as streams:
        for _ in range((CONCURRENCY - 1) * REPLICAS):
            streams.enter_context(_stream(client, _long(1800)))
        during = reports()  # who is asked needs a place among those that are worked on
        assert {each.running_requests for each in during} == {CONCURRENCY - 1}
        assert all(each.kv_use for each in during)
        for _ in range(REPLICAS):
            streams.enter_context(_stream(client, _long(1800)))
        # Each of these waits in Ray's queue until its client goes: two at once would not be let in.
        for _ in range(2):
            with (
                pytest.raises(httpx2.ReadTimeout),
                httpx2.Client(base_url=running.address, timeout=2) as hasty,
            ):
                hasty.post(CHAT, json=_long(1000))
            time.sleep(1)
    wait_for(lambda: not any(load()))


def test_a_replica_reports_all_that_the_autoscaling_policy_wants_of_its_load(reports: Reports) -> None:
    for said in reports():
        assert not said.silent
        assert said.ttft_p95_ms
        assert said.tpot_p95_ms


@dataclass
class Killed:
    """What became of requests when one of two replicas was killed."""

    waiting: list[httpx2.Response]
    """Had not begun to be answered."""
    streams: list[list[str]]
    """Had begun; the lines that were left of each."""


@pytest.fixture(scope="module")
def killed(client: httpx2.Client, running: LocalRay, ask: Ask) -> Killed:
    """One of two replicas is killed, which answers a stream and has read questions, too."""
    victim = next(iter(replicas_of(running, "RUNNING").values()))
    assert victim
    with ExitStack() as stack:
        # Ray sends the second where the first is not.
        streams = [stack.enter_context(_stream(client, _long(1500))) for _ in range(REPLICAS)]
        clients = stack.enter_context(ThreadPoolExecutor(CONCURRENCY))
        for process in psutil.Process(victim).children(recursive=True):
            process.suspend()  # its engine: what it is asked from now on, it does not begin to answer
        asked = [clients.submit(ask) for _ in range(CONCURRENCY)]
        waiting = _held_up(asked)
        kill(victim)
        answers = [each.result() for each in waiting]
        return Killed(answers, [_rest(lines) for lines in streams])


def _held_up(asked: list[Future[httpx2.Response]]) -> list[Future[httpx2.Response]]:
    """Those that are not answered when others have been for a while."""
    wait(asked, timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
    time.sleep(3)
    return [each for each in asked if not each.done()]


def _rest(lines: Iterator[str]) -> list[str]:
    return [line for line in lines if line]


def test_what_a_killed_replica_had_not_begun_to_answer_is_answered_by_another(killed: Killed) -> None:
    assert killed.waiting
    assert {answer.status_code for answer in killed.waiting} == {200}


def test_a_stream_of_a_killed_replica_ends_with_an_error_event_and_no_other_stream_does(
    killed: Killed,
) -> None:
    whole = [lines for lines in killed.streams if lines[-1] == "data: [DONE]"]
    (broken,) = [lines for lines in killed.streams if lines[-1] != "data: [DONE]"]
    assert len(whole) == REPLICAS - 1
    event = json.loads(broken[-1].removeprefix("data: "))
    assert event["error"]["code"] == "replica_lost"
    assert not any("Actor" in line or "Traceback" in line for line in broken)


def test_with_no_replica_left_nobody_hangs(killed: Killed, running: LocalRay, ask: Ask) -> None:
    for process in filter(None, replicas_of(running, "RUNNING", "STARTING").values()):
        kill(process)
    with ThreadPoolExecutor(CONCURRENCY) as clients:
        asked = [clients.submit(ask, stream=bool(each % 2)) for each in range(CONCURRENCY)]
        answers = [each.result() for each in asked]
    # One that Ray has started meanwhile may answer.
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {_error(answer) for answer in refused} <= {(503, "model_starting"), (503, "model_unavailable")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
