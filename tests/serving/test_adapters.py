"""Adapters on the running application: Ray Serve, vLLM on a simulated GPU, and a store of S3's kind."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from rich.console import Console

from inference_stack.engine import Adapters, serve_config
from localcloud.serve import deploy, simulated
from serving.adapters import REMEMBERED_S
from tests.serving.adapter_store import PATH, Files, Store, adapter, reads, store
from tests.serving.small import node, small

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

HELD, MAX_RANK = 2, 16
COPILOT = small(
    2048,
    16,
    engine={"max_loras": HELD, "max_lora_rank": MAX_RANK},
    adapters=Adapters(path=PATH, count=HELD),
)
TEAMS = {name: adapter(seed) for seed, name in enumerate(("legal", "hr", "finance", "engineering"))}
GOOD = adapter(9)
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
BROKEN: dict[str, tuple[Files, str]] = {
    "cut-off": ({**GOOD, TENSORS: GOOD[TENSORS][:-1000]}, "cut off"),
    "of-a-wider-base": (adapter(10, hidden=256), "256 inputs"),
    "of-a-narrower-base": (adapter(11, hidden=64), "64 inputs"),
    "of-a-high-rank": (adapter(12, rank=2 * MAX_RANK), f"max_lora_rank {MAX_RANK}"),
    "no-json": ({**GOOD, CONFIG: b"{not json"}, "not JSON"),
    "no-object": ({**GOOD, CONFIG: b"[]"}, CONFIG),
    "no-weights": ({CONFIG: GOOD[CONFIG]}, "missing"),
    "no-config": ({TENSORS: GOOD[TENSORS]}, "missing"),
}
LONG = "What does a contract need to be valid? " * 8
"""Several blocks of the KV cache, so that the prefix cache holds some of it."""

Ask = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Store]:
    """A store with the adapters of four teams."""
    with store() as running:
        for name, files in TEAMS.items():
            running.put(name, files)
        yield running


@pytest.fixture(scope="module")
def client(bucket: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of the application, which keeps fewer adapters than there are."""
    config = json.loads(serve_config([COPILOT]).model_dump_json(exclude_none=True))
    state, console = tmp_path_factory.mktemp("serve"), Console(stderr=True)
    with simulated(COPILOT.source, node(), state, console, **bucket.variables) as ray:
        deploy(ray, config)
        with httpx2.Client(base_url=ray.address, timeout=300) as client:
            yield client


@pytest.fixture(scope="module")
def ask(client: httpx2.Client) -> Ask:
    def asked(adapter: str | None, words: str = "What is a contract?", **more: Any) -> httpx2.Response:
        return client.post("/v1/chat/completions", json=_question(adapter, words, **more))

    return asked


def _question(adapter: str | None, words: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "copilot" if adapter is None else f"copilot:{adapter}",
        "messages": [{"role": "user", "content": words}],
        "max_tokens": 16,
        "min_tokens": 16,
        "temperature": 0,
        **more,
    }


def _words(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def _streamed(answer: httpx2.Response) -> str:
    *chunks, done = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert done == "[DONE]", answer.text
    return "".join(json.loads(chunk)["choices"][0]["delta"].get("content") or "" for chunk in chunks)


def _error(answer: httpx2.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert not any(word in answer.text for word in ("s3:", "/tmp", "Traceback", "ray::", "Error:"))  # noqa: S108
    return answer.status_code, answer.json()["error"]["code"]


def _once_answered(ask: Ask, adapter: str) -> str:
    """The answer of an adapter that was refused before, as soon as there is one."""
    until = time.monotonic() + 3 * REMEMBERED_S
    while (answer := ask(adapter)).status_code != 200 and time.monotonic() < until:
        time.sleep(0.5)
    return _words(answer)


def test_each_adapter_answers_in_its_own_words_and_is_read_when_first_asked_for(ask: Ask) -> None:
    with reads() as read:
        _words(ask(None))
        assert [read.of(name) for name in TEAMS] == [0, 0, 0, 0]
        answers = {name: _words(ask(name)) for name in TEAMS}
        assert [read.of(name) for name in TEAMS] == [1, 1, 1, 1]
    assert len({*answers.values(), _words(ask(None))}) == 5
    assert answers == {name: _words(ask(name)) for name in TEAMS}


def test_the_adapter_that_was_used_longest_ago_makes_room_and_is_read_again(ask: Ask) -> None:
    with reads() as read:
        first = [_words(ask(name)) for name in ("hr", "finance")]
        before = {name: read.of(name) for name in TEAMS}
        assert [_words(ask(name)) for name in ("hr", "finance")] == first
        assert {name: read.of(name) for name in TEAMS} == before
        _words(ask("legal"))
        assert _words(ask("hr")) == first[0]
        assert read.of("hr") == before["hr"] + 1


def test_more_adapters_than_are_kept_answer_at_once(ask: Ask) -> None:
    apart = {name: _words(ask(name, max_tokens=48, min_tokens=48)) for name in TEAMS}
    with ThreadPoolExecutor(16) as clients:
        asked = [
            (name, clients.submit(ask, name, max_tokens=48, min_tokens=48))
            for _ in range(4)
            for name in TEAMS
        ]
        assert all(_words(answer.result()) == apart[name] for name, answer in asked)


def test_requests_that_come_while_an_adapter_is_loaded_wait_for_it(ask: Ask, bucket: Store) -> None:
    bucket.put("popular", adapter(20))
    with reads() as read, ThreadPoolExecutor(8) as clients:
        answers = {each.result().text for each in [clients.submit(_popular, ask) for _ in range(8)]}
        assert read.of("popular") == 1
    assert len({json.loads(answer)["choices"][0]["message"]["content"] for answer in answers}) == 1


def _popular(ask: Ask) -> httpx2.Response:
    return ask("popular")


@pytest.mark.parametrize("name", ["nobody", "", "../adapters/legal", "legal/", "a b"])
def test_an_adapter_that_is_not_there_is_not_found(ask: Ask, client: httpx2.Client, name: str) -> None:
    answer = ask(name)
    assert _error(answer) == (404, "model_not_found")
    assert f"copilot:{name}" in answer.text
    assert _error(client.get(f"/v1/models/copilot:{name.replace('..', '%2e%2e')}")) == (
        404,
        "model_not_found",
    )


def test_an_adapter_is_added_without_a_restart(ask: Ask, bucket: Store) -> None:
    assert _error(ask("sales"))[0] == 404
    bucket.put("sales", adapter(21))
    assert _once_answered(ask, "sales") != _words(ask(None))


def test_a_broken_adapter_is_told_and_harms_nobody_else(ask: Ask, bucket: Store) -> None:
    long = {"max_tokens": 400, "min_tokens": 400}
    alone = {name: _words(ask(name, **long)) for name in ("legal", None)}
    for name, (files, _) in BROKEN.items():
        bucket.put(name, files)
    with ThreadPoolExecutor(2) as clients:
        streams = {name: clients.submit(ask, name, stream=True, **long) for name in alone}
        for name, (_, why) in BROKEN.items():
            answer = ask(name)
            assert _error(answer) == (400, "adapter_invalid")
            assert why in answer.text
            assert f"copilot:{name}" in answer.text
        assert {name: _streamed(stream.result()) for name, stream in streams.items()} == alone
    assert {name: _words(ask(name, **long)) for name in ("legal", None)} == alone


def test_a_broken_adapter_takes_no_place_from_a_good_one(ask: Ask, bucket: Store) -> None:
    for name in ("hr", "legal"):
        _words(ask(name))
    bucket.put("broken", BROKEN["cut-off"][0])
    with reads() as read:
        assert _error(ask("broken"))[0] == 400
        assert _error(ask("nobody-else"))[0] == 404
        for name in ("hr", "legal"):
            _words(ask(name))
        assert (read.of("hr"), read.of("legal")) == (0, 0)


def test_a_broken_adapter_is_not_read_again_for_each_request_and_works_once_it_is_mended(
    ask: Ask, bucket: Store
) -> None:
    bucket.put("mended", BROKEN["cut-off"][0])
    with reads() as read:
        assert {_error(ask("mended")) for _ in range(5)} == {(400, "adapter_invalid")}
        assert read.of("mended") == 1
    bucket.put("mended", adapter(22))
    bucket.put("mended-from-the-start", adapter(22))
    assert _once_answered(ask, "mended") == _words(ask("mended-from-the-start"))


def test_an_adapter_that_changed_answers_anew_once_it_was_let_go(ask: Ask, bucket: Store) -> None:
    bucket.put("changing", adapter(23))
    bucket.put("changed", adapter(24))
    before = _words(ask("changing", LONG))
    bucket.put("changing", adapter(24))
    assert _words(ask("changing", LONG)) == before
    for name in ("hr", "legal"):
        _words(ask(name))
    assert _words(ask("changing", LONG)) == _words(ask("changed", LONG)) != before


def test_the_list_has_what_can_be_read_and_does_not_say_where_it_lies(
    client: httpx2.Client, bucket: Store
) -> None:
    bucket.put("unreadable", BROKEN["no-json"][0])
    answer = client.get("/v1/models")
    listed = {each["id"] for each in answer.json()["data"]}
    assert {"copilot", *(f"copilot:{name}" for name in TEAMS)} <= listed
    assert "copilot:unreadable" not in listed
    assert "s3://" not in answer.text
    assert client.get("/v1/models/copilot:legal").json()["id"] == "copilot:legal"


def test_adapters_that_are_loaded_answer_while_the_store_is_out_of_reach(ask: Ask, bucket: Store) -> None:
    kept = {name: _words(ask(name)) for name in ("hr", "legal")}
    bucket.stop()
    try:
        answer = ask("finance")
        assert _error(answer) == (503, "adapter_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert {name: _words(ask(name)) for name in kept} == kept
    finally:
        bucket.start()
    _once_answered(ask, "finance")
