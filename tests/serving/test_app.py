"""The application for real: Ray Serve and vLLM on simulated GPUs, asked over HTTP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from inference_stack.engine import ServedModel, serve_config
from localcloud.serve import LocalService, served
from localcloud.serve_ray import LocalRay, RayNode
from serving.signals import ReplicaReport

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

CONTEXT, CONCURRENCY, QUEUE, BODY = 8192, 4, 4, 40_000
COPILOT = ServedModel(
    name="copilot",
    source="Qwen/Qwen2.5-7B-Instruct",
    group="small",
    accelerator_type="H100",
    replicas_min=1,
    replicas_max=1,
    concurrency=CONCURRENCY,
    engine={"max_model_len": CONTEXT, "max_num_seqs": CONCURRENCY},
)
CHAT = "/v1/chat/completions"

Ask = Callable[..., httpx2.Response]
Report = Callable[[], ReplicaReport]


def _service() -> LocalService:
    config = json.loads(serve_config([COPILOT]).model_dump_json(exclude_none=True))
    (arguments,) = (each["args"] for each in config["applications"])
    arguments["serving"] = {"max_body_bytes": BODY}
    arguments["llm_configs"][0]["deployment_config"]["max_queued_requests"] = QUEUE
    node = RayNode(cpus=1, gpus=1, resources={"accelerator_type:H100": 1, "small-worker": 1})
    return LocalService(COPILOT.name, COPILOT.source, node, config).built_by("serving.app:build")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    """The Ray that serves the application."""
    with served(_service(), tmp_path_factory.mktemp("serve"), Console(stderr=True)) as local:
        yield local


@pytest.fixture(scope="module")
def client(running: LocalRay) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.address, timeout=300) as client:
        yield client


@pytest.fixture(scope="module")
def ask(client: httpx2.Client) -> Ask:
    def asked(words: str = "Hello", model: str = "copilot", **more: Any) -> httpx2.Response:
        return client.post(CHAT, json=_question(words, model=model, **more))

    return asked


@pytest.fixture(scope="module")
def report(running: LocalRay) -> Iterator[Report]:
    """What the replica tells the autoscaling policy, asked of it now."""
    script = Path(__file__).with_name("replica_reports.py")
    with subprocess.Popen(
        [sys.executable, script, running.gcs, "LLMServer:copilot", "llm"],
        env={**os.environ, **running.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reporter:
        assert reporter.stdin
        assert reporter.stdout

        def asked() -> ReplicaReport:
            print(file=reporter.stdin, flush=True)
            return ReplicaReport.read(json.loads(reporter.stdout.readline()), time.time())

        asked()  # once it has joined, it answers at once
        yield asked
        reporter.stdin.close()


def _question(words: str, **more: Any) -> dict[str, Any]:
    return {"model": "copilot", "messages": [{"role": "user", "content": words}], "max_tokens": 8, **more}


def _error(answer: httpx2.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    return answer.status_code, answer.json()["error"]["code"]


def test_a_question_is_answered_with_its_usage_and_an_id(ask: Ask) -> None:
    answer = ask(temperature=0)
    assert answer.status_code == 200
    usage = answer.json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.headers["x-request-id"] in answer.json()["id"]


def test_an_id_of_the_client_is_kept(client: httpx2.Client) -> None:
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


def test_what_is_too_long_for_the_context_is_refused_with_the_numbers(ask: Ask) -> None:
    answer = ask("x" * 2 * CONTEXT)
    assert _error(answer) == (400, "invalid_value")
    assert str(CONTEXT) in answer.text


def test_a_body_beyond_the_limit_is_refused_with_the_numbers(client: httpx2.Client, ask: Ask) -> None:
    answer = ask("x" * BODY)
    assert _error(answer) == (400, "request_too_large")
    assert str(BODY) in answer.text
    unstated = client.post(CHAT, content=(b"x" * 1000 for _ in range(100)))
    assert _error(unstated) == (400, "request_too_large")


def test_a_full_queue_refuses_and_says_when_to_come_back(ask: Ask) -> None:
    with ThreadPoolExecutor(4 * (CONCURRENCY + QUEUE)) as clients:
        asked = [clients.submit(ask, min_tokens=60, max_tokens=60) for _ in range(4 * (CONCURRENCY + QUEUE))]
        answers = [each.result() for each in asked]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(answers) - len(refused) >= CONCURRENCY
    assert {_error(answer) for answer in refused} == {(429, "rate_limit_exceeded")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_a_client_that_goes_away_frees_its_kv_blocks(client: httpx2.Client, report: Report) -> None:
    long = _question("Hello", stream=True, max_tokens=CONTEXT - 100, min_tokens=CONTEXT - 100)
    with client.stream("POST", CHAT, json=long) as stream:
        lines = stream.iter_lines()  # the stream ends with the last reference to it
        next(lines)
        during = report()
    assert during.running_requests == 1
    assert during.kv_use
    until = time.monotonic() + 60
    while (after := report()).running_requests and time.monotonic() < until:
        time.sleep(0.2)
    assert (after.running_requests, after.kv_use) == (0, 0)


def test_a_replica_reports_all_that_the_autoscaling_policy_wants_of_its_load(report: Report) -> None:
    said = report()
    assert not said.silent
    assert said.ttft_p95_ms
    assert said.tpot_p95_ms
