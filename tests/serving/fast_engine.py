"""An engine that writes numbered words at a pace instead of thinking, in the place of vLLM's.

Ray Serve LLM takes it from RAYLLM_VLLM_ENGINE_CLS; all around it stays as it is, our replica included.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.llm._internal.serve.core.engine.protocol import LLMEngine
from ray.serve.llm.openai_api_models import ChatCompletionResponse

from tests.serving.accounted_load import BEGUN

FIRST_S, EACH_S = 0.2, 0.06
"""Time to the first word and between words, seconds."""


class FastEngine(LLMEngine):
    """The words are `0 1 2 …`, as many as the request lets it write."""

    def __init__(self, _llm_config: Any) -> None:
        self._begun = (Path(os.environ[BEGUN]) / str(os.getpid())).open("a", buffering=1)
        # What our replica listens to, by the names that vLLM's client has.
        self._engine_client = SimpleNamespace(
            errored=False,
            logger_manager=SimpleNamespace(stat_loggers=[]),
            output_processor=SimpleNamespace(request_states={}),
        )

    async def start(self) -> None:
        """Nothing to load."""

    def routing_stats(self) -> dict[str, Any]:
        return {}

    async def resolve_lora(self, lora_model: Any) -> None:
        """It has no adapters."""

    async def reset_prefix_cache(self) -> None:
        """It has no cache."""

    async def chat(self, request: Any, _raw_request_info: Any = None) -> AsyncIterator[Any]:
        print(request.request_id, file=self._begun)
        words = [f"{number} " for number in range(request.max_tokens)]
        await asyncio.sleep(FIRST_S)
        if not request.stream:
            await asyncio.sleep(EACH_S * len(words))
            yield _whole(request, "".join(words))
            return
        for word in words:
            yield _event(request, word)
            await asyncio.sleep(EACH_S)
        yield "data: [DONE]\n\n"

    async def completions(self, _request: Any, _raw_request_info: Any = None) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    embeddings = transcriptions = completions


def _event(request: Any, word: str) -> str:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    chunk = {"id": request.request_id, "object": "chat.completion.chunk", "model": request.model}
    return f"data: {json.dumps({**chunk, 'created': int(time.time()), 'choices': [choice]})}\n\n"


def _whole(request: Any, text: str) -> ChatCompletionResponse:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "length"}
    tokens = {"prompt_tokens": 1, "completion_tokens": request.max_tokens}
    usage = {**tokens, "total_tokens": 1 + request.max_tokens}
    return ChatCompletionResponse(id=request.request_id, model=request.model, choices=[choice], usage=usage)
