"""An engine that takes as long as the planner says a GPU would, in the place of vLLM's: `PacedEngine`.

Inside a real replica of Ray Serve LLM it runs the simulated replica of `simulated_replicas` by the clock. Ray
takes it from RAYLLM_VLLM_ENGINE_CLS.
"""

import asyncio
import json
import math
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ray.llm._internal.serve.core.engine.protocol import LLMEngine

from .simulated_replicas import CHARACTERS_A_TOKEN, PACE, TICK_S, Engine, Replica, Request, Seen


@dataclass(eq=False)
class _Asked:
    """A request on its way."""

    seen: Seen
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    # What our replica reads of vLLM's own record of a request.
    @property
    def is_prefilling(self) -> bool:
        return not self.begun.is_set()

    @property
    def prompt_len(self) -> int:
        return self.seen.request.prompt_tokens

    @property
    def stats(self) -> SimpleNamespace:
        return SimpleNamespace(num_generation_tokens=self.seen.request.output_tokens // 2)


class PacedEngine(LLMEngine):
    """Streams the first token when it would be there, and the others together when the last one would be."""

    def __init__(self, _llm_config: Any) -> None:
        """As Ray makes an engine."""
        self._replica = Replica(Engine(**json.loads(os.environ[PACE])), ordered_s=-math.inf, name="here")
        self._asked: dict[str, _Asked] = {}
        # What our replica listens to, by the names that vLLM's client has.
        self._engine_client = SimpleNamespace(
            errored=False,
            logger_manager=SimpleNamespace(stat_loggers=[]),
            output_processor=SimpleNamespace(request_states=self._asked),
        )

    async def start(self) -> None:
        """Begin to work; there is nothing to load."""
        self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        now = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, now + TICK_S - time.monotonic()))
            ended = list(self._replica.work(now))
            now += TICK_S
            begun = [each for each in self._asked.values() if each.is_prefilling and each.seen.ttft_s > 0]
            for each in begun:
                each.begun.set()
            for each in list(self._asked.values()):
                if each.seen in ended:
                    each.ended.set()
            self._tell(now, [each.seen.ttft_s for each in begun], ended)

    def _tell(self, now: float, first_s: list[float], ended: list[Seen]) -> None:
        report = self._replica.report(now)
        load = SimpleNamespace(
            num_running_reqs=int(report.running_requests or 0),
            num_waiting_reqs=0,
            num_skipped_waiting_reqs=0,
            kv_cache_usage=report.kv_use,
        )
        finished = [
            SimpleNamespace(
                num_generation_tokens=each.request.output_tokens,
                mean_time_per_output_token=(each.end_s - each.request.arrival_s - each.ttft_s)
                / max(1, each.request.output_tokens),
            )
            for each in ended
        ]
        told = SimpleNamespace(time_to_first_tokens_iter=first_s, finished_requests=finished)
        for listener in self._engine_client.logger_manager.stat_loggers:
            listener.record(load, told)

    def routing_stats(self) -> dict[str, Any]:
        """Nothing that routes."""
        return {}

    async def resolve_lora(self, lora_model: Any) -> None:
        """It has no adapters."""

    async def reset_prefix_cache(self) -> None:
        """It has no cache."""

    async def chat(self, request: Any, _raw_request_info: Any = None) -> AsyncIterator[str]:
        """Answer a stream of `max_tokens` tokens."""
        prompt = sum(len(message["content"]) for message in request.messages) // CHARACTERS_A_TOKEN
        seen = Seen(Request(time.monotonic(), max(1, prompt), request.max_tokens))
        asked = self._asked[request.request_id] = _Asked(seen)
        try:
            self._replica.take(seen)
            await asked.begun.wait()
            yield _event(request, "0 ")
            await asked.ended.wait()
            yield _event(request, "1 " * (request.max_tokens - 1))
            yield "data: [DONE]\n\n"
        finally:
            del self._asked[request.request_id]

    async def completions(self, _request: Any, _raw_request_info: Any = None) -> AsyncIterator[Any]:
        """Not asked for here."""
        raise NotImplementedError
        yield

    embeddings = transcriptions = completions


def _event(request: Any, content: str) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    chunk = {"id": request.request_id, "object": "chat.completion.chunk", "model": request.model}
    return f"data: {json.dumps({**chunk, 'created': int(time.time()), 'choices': [choice]})}\n\n"
