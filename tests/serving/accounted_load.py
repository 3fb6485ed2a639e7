"""Many requests at once, each with an id, and for every one of them what became of it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from threading import Event, Thread
from typing import Any, Self

import httpx2

from serving import errors

CHAT = "/v1/chat/completions"
BEGUN = "ENGINE_BEGUN"
"""Environment variable: folder where each engine notes the ids of the requests that it begins."""
PATIENCE_S = 180.0
"""Without a byte for so long, a request counts as hung."""
AGAIN_S = 0.2
"""After which a client that found nobody listening comes back, seconds."""


class End(StrEnum):
    """What may become of a request; the last two never should."""

    COMPLETED = "completed"
    ERROR_EVENT = "stream ended with an error event"
    ERROR = "HTTP error"
    CUT_BEFORE = "connection cut before the first byte"
    CUT_WITHIN = "connection cut within the answer"
    HUNG = "hung"
    WRONG = "anything else"


@dataclass(frozen=True)
class Asked:
    """A request whose answer is known beforehand."""

    id: str
    question: dict[str, Any]
    answer: str


@dataclass(frozen=True)
class Ended:
    """What became of a request."""

    id: str
    end: End
    code: str = ""
    """Of the error, if it was one."""
    seen: str = ""
    """What came instead of anything that may come."""


ERRORS = {
    told.error.code: told
    for told in (errors.replica_lost(), errors.unavailable(1), errors.overloaded(1), errors.starting(1))
}
"""What a client may be told where something fails."""


class Load:
    """Requests on their way, so many at once: a number of them, and more while the block under it lasts."""

    def __init__(self, address: str, asked: Iterator[Asked], number: int, at_once: int) -> None:
        """`asked` never ends."""
        self.ended: list[Ended] = []
        self._sent: list[Asked] = []
        self._address, self._asked, self._number, self._at_once = address, asked, number, at_once
        self._left = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._send()))

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._left.set()
        self._thread.join()
        print(f"{len(self.ended)} requests in {time.monotonic() - self._started:.0f} s\n{table(self.ended)}")

    def until(self, number: int) -> None:
        """Wait until so many have ended."""
        while len(self.ended) < number and self._thread.is_alive():
            time.sleep(0.01)

    def ends(self) -> set[End]:
        """The ways in which requests ended; each has one end, and none that has no name."""
        assert Counter(each.id for each in self.ended) == Counter(each.id for each in self._sent)
        wrong = [each for each in self.ended if each.end in (End.HUNG, End.WRONG)]
        assert not wrong, wrong
        return {each.end for each in self.ended}

    async def _send(self) -> None:
        limits = httpx2.Limits(max_connections=self._at_once, max_keepalive_connections=self._at_once)
        async with httpx2.AsyncClient(base_url=self._address, timeout=PATIENCE_S, limits=limits) as client:

            async def one_after_another() -> None:
                while len(self._sent) < self._number or not self._left.is_set():
                    self._sent.append(asked := next(self._asked))
                    ended = await _ask(client, asked)
                    self.ended.append(ended)

            await asyncio.gather(*(one_after_another() for _ in range(self._at_once)))


async def _ask(client: httpx2.AsyncClient, asked: Asked) -> Ended:
    headers = {"x-request-id": asked.id}
    body, response = bytearray(), None
    try:
        async with client.stream("POST", CHAT, json=asked.question, headers=headers) as response:
            async for part in response.aiter_raw():
                body += part
    except httpx2.TimeoutException:
        return Ended(asked.id, End.HUNG, seen=body[-300:].decode())
    except httpx2.ConnectError:
        # Nothing was sent: nobody can have lost it.
        await asyncio.sleep(AGAIN_S)
        return await _ask(client, asked)
    except httpx2.TransportError:
        return Ended(asked.id, End.CUT_WITHIN if response else End.CUT_BEFORE)
    return judged(asked, response.status_code, dict(response.headers), body.decode())


def judged(asked: Asked, status: int, headers: dict[str, str], body: str) -> Ended:
    """What an answer is that came to its end: right in every word, an error in OpenAI's form, or wrong."""
    wrong = Ended(asked.id, End.WRONG, seen=f"{status} {body[-600:]}")
    try:
        if status != 200:
            code = _code(json.loads(body))
            told = ERRORS.get(code)
            fits = told and status == told.status and (not told.retry_after_s or "retry-after" in headers)
            return Ended(asked.id, End.ERROR, code) if fits else wrong
        if not asked.question["stream"]:
            content = json.loads(body)["choices"][0]["message"]["content"]
            return Ended(asked.id, End.COMPLETED) if content == asked.answer else wrong
        *events, last = [_data(event) for event in body.split("\n\n") if event]
        written = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
        if last == "[DONE]":
            return Ended(asked.id, End.COMPLETED) if written == asked.answer else wrong
        begun = events and asked.answer.startswith(written)
        return Ended(asked.id, End.ERROR_EVENT, _code(last)) if begun else wrong
    except (ValueError, KeyError, IndexError, TypeError):
        return wrong


def _data(event: str) -> Any:
    if not event.startswith("data: "):
        raise ValueError(event)
    data = event.removeprefix("data: ")
    return data if data == "[DONE]" else json.loads(data)


def _code(body: Any) -> str:
    """The code of an error whose every word is one of ours; raises ValueError for any other."""
    told = ERRORS.get(body["error"]["code"])
    given = {**body["error"], "message": ""}
    if set(body) != {"error"} or not told or given != {**told.error.model_dump(), "message": ""}:
        raise ValueError(body)
    if _without_seconds(body["error"]["message"]) != _without_seconds(told.error.message):
        raise ValueError(body)
    return told.error.code


def _without_seconds(message: str) -> str:
    """A message with any number of seconds in it."""
    return " ".join("N" if word.isdecimal() else word for word in message.split())


def table(ended: Iterable[Ended]) -> str:
    """How many ended in each way, a line each."""
    counted = Counter((each.end, each.code) for each in ended)
    return "\n".join(
        f"{count:6d}  {end}{f' ({code})' if code else ''}" for (end, code), count in counted.most_common()
    )
