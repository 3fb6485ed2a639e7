"""What clients note of an answer, and what is read of an exporter."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from benchmarks.serving_client import Answer, Clients, Question
from benchmarks.serving_counters import Counts

USAGE = {"prompt_tokens": 5, "completion_tokens": 2}


def _event(**more: object) -> bytes:
    return f"data: {json.dumps(more)}\n\n".encode()


EVENTS = (
    _event(choices=[{"delta": {"role": "assistant", "content": ""}}]),
    _event(choices=[{"delta": {"content": "a"}}]),
    _event(choices=[{"delta": {"content": ""}}]),
    _event(choices=[], usage=USAGE),
    b"data: [DONE]\n\n",
)


class _Told(httpx2.AsyncByteStream):
    def __init__(self, events: tuple[bytes, ...]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self._events:
            await asyncio.sleep(0.01)
            yield event


def _asked(events: tuple[bytes, ...] = EVENTS, *, stream: bool = True) -> Answer:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if json.loads(request.content).get("stream"):
            return httpx2.Response(200, stream=_Told(events))
        message = {"message": {"content": "ab"}}
        return httpx2.Response(200, json={"choices": [message], "usage": USAGE})

    async def ask() -> Answer:
        clients = Clients("http://served", transport=httpx2.MockTransport(answer))
        try:
            return await clients.ask("m", Question("Hello", 2, stream))
        finally:
            await clients.close()

    return asyncio.run(ask())


def test_each_token_of_a_stream_has_its_time_shown_or_not() -> None:
    answer = _asked()
    assert (answer.text, len(answer.pieces_s), answer.tokens) == ("a", 2, 2)
    assert answer.asked_s < answer.pieces_s[0] < answer.pieces_s[1] < answer.done_s
    assert 0 < answer.ttft_s < answer.whole_s


def test_a_stream_that_ends_otherwise_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="ended with"):
        _asked(EVENTS[:-1])
    with pytest.raises(ValueError, match="ended with"):
        _asked((*EVENTS[:3], EVENTS[-1]))


def test_an_answer_in_one_piece_has_its_whole_time_only() -> None:
    answer = _asked(stream=False)
    assert (answer.text, answer.tokens) == ("ab", 2)
    assert answer.whole_s > 0


def test_the_longest_gap_is_of_those_that_touch_the_time() -> None:
    answer = Answer(0, (1, 4, 5, 7, 8), 9, "", 1, 5)
    assert answer.longest_gap_s(0, 9) == 3
    assert answer.longest_gap_s(4.5, 9) == 2
    assert answer.longest_gap_s(6, 6) == 2
    assert answer.longest_gap_s(7.5, 9) == 1


EXPORTED = """\
# TYPE ray_vllm_prefix_cache_hits_total counter
ray_vllm_prefix_cache_hits_total{model_name="a",ReplicaId="1"} 16.0
ray_vllm_prefix_cache_hits_total{model_name="a",ReplicaId="2"} 32.0
ray_vllm_prefix_cache_hits_total{model_name="b",ReplicaId="3"} 64.0
# TYPE ray_vllm_iteration_tokens_total histogram
ray_vllm_iteration_tokens_total_bucket{model_name="a",le="1.0"} 7.0
ray_vllm_iteration_tokens_total_bucket{model_name="a",le="+Inf"} 9.0
ray_vllm_iteration_tokens_total_count{model_name="a"} 9.0
ray_vllm_iteration_tokens_total_sum{model_name="a"} 90.0
"""


def test_replicas_of_a_model_count_together_and_other_models_apart() -> None:
    counts = Counts.read(EXPORTED, "a")
    assert (counts.hit_tokens, counts.steps) == (48, 9)
    assert Counts.read(EXPORTED, "b").hit_tokens == 64
    assert Counts.read(EXPORTED, "c") == Counts()
    assert counts - Counts(hit_tokens=40) == Counts(hit_tokens=8, steps=9)
