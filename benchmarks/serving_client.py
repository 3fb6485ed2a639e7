"""Clients of a served model that note when each piece of an answer came."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx2

CHAT = "/v1/chat/completions"
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Question:
    """What is asked of a model, and how long its answer shall be."""

    prompt: str
    tokens: int
    stream: bool = True

    def body(self, model: str) -> dict[str, Any]:
        """As OpenAI's API has it. Of the words of random weights only the number counts."""
        asked = {
            "model": model,
            "messages": [{"role": "user", "content": self.prompt}],
            "max_tokens": self.tokens,
            "ignore_eos": True,
            "temperature": 0,
        }
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
        return asked | streamed if self.stream else asked


@dataclass(frozen=True)
class Answer:
    """An answer, and when its pieces came, seconds on one clock."""

    asked_s: float
    pieces_s: tuple[float, ...]
    done_s: float
    text: str
    prompt_tokens: int
    tokens: int

    @property
    def ttft_s(self) -> float:
        """Until the first piece."""
        return self.pieces_s[0] - self.asked_s

    @property
    def whole_s(self) -> float:
        """Until the end."""
        return self.done_s - self.asked_s

    def longest_gap_s(self, since_s: float, until_s: float) -> float:
        """The longest that nothing came, of the gaps that touch a time."""
        gaps = [
            after - before
            for before, after in pairwise(self.pieces_s)
            if after > since_s and before < until_s
        ]
        return max(gaps)


class Clients:
    """Everyone who asks; connections are kept."""

    def __init__(self, address: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`address` is where Ray Serve listens; `transport` is httpx2's own where none is given."""
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        self._http = httpx2.AsyncClient(
            base_url=address, timeout=TIMEOUT_S, limits=limits, transport=transport
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self, model: str, question: Question, *, prefix: str = "", pieces_s: list[float] | None = None
    ) -> Answer:
        """Ask a model of the application under a route prefix; raises HTTPStatusError where it is refused.

        Who wants to see an answer coming hands in the list of the times.
        """
        body, pieces_s = question.body(model), pieces_s if pieces_s is not None else []
        asked_s, lines = time.perf_counter(), list[str]()
        async with self._http.stream("POST", prefix + CHAT, json=body) as response:
            if response.is_error:
                await response.aread()
                response.raise_for_status()
            async for line in response.aiter_lines():
                if line:
                    lines.append(line)
                    pieces_s.append(time.perf_counter())
        done_s = time.perf_counter()
        return (_streamed if question.stream else _whole)(asked_s, pieces_s, done_s, lines)

    async def ask_all(self, model: str, questions: Sequence[Question], at_once: int) -> list[Answer]:
        """Ask in order, so many at a time: whoever has an answer asks the next question."""
        left = iter(list(enumerate(questions)))
        answers: dict[int, Answer] = {}

        async def client() -> None:
            for number, question in left:
                answers[number] = await self.ask(model, question)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(client())
        return [answers[number] for number in range(len(questions))]


def _streamed(asked_s: float, times: Sequence[float], done_s: float, lines: Sequence[str]) -> Answer:
    """From server-sent events: a token each; the one before `[DONE]` has the usage."""
    *events, ended = [line.removeprefix("data: ") for line in lines]
    chunks = [json.loads(event) for event in events]
    if ended != "[DONE]" or not chunks[-1].get("usage"):
        raise ValueError(f"the stream ended with {lines[-1]}")
    deltas = [chunk["choices"][0]["delta"] if chunk["choices"] else {"role": None} for chunk in chunks]
    # The first says whose turn it is, the last has the usage; a token may be one that is not shown.
    came = [
        (when, each.get("content") or "")
        for when, each in zip(times, deltas, strict=False)
        if "role" not in each
    ]
    usage = chunks[-1]["usage"]
    return Answer(
        asked_s=asked_s,
        pieces_s=tuple(when for when, _ in came),
        done_s=done_s,
        text="".join(text for _, text in came),
        prompt_tokens=usage["prompt_tokens"],
        tokens=usage["completion_tokens"],
    )


def _whole(asked_s: float, times: Sequence[float], done_s: float, lines: Sequence[str]) -> Answer:
    told = json.loads("".join(lines))
    return Answer(
        asked_s=asked_s,
        pieces_s=tuple(times[:1]),
        done_s=done_s,
        text=told["choices"][0]["message"]["content"],
        prompt_tokens=told["usage"]["prompt_tokens"],
        tokens=told["usage"]["completion_tokens"],
    )
