"""Whether a request is let in: by the KV cache it may come to fill, not by being one request.

Ray Serve bounds how many requests wait (`max_queued_requests`, by number and by caller) and stays the bound
that holds whatever happens here. A number alone lets in as many requests of 100,000 tokens as of 100, which
the KV cache then cannot hold: they wait inside vLLM, or push each other out. So each ingress replica also
counts the KV blocks of what it has let in, and refuses what goes beyond its share.

Pure: the ingress keeps the count and the clock, and passes both in.
"""

import math
from typing import Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from .errors import RETRY_AFTER_S, OpenAIError, context_too_long, overloaded, starting, unavailable
from .frozen import Frozen

BODY_LIMIT_BYTES = 4 * 2**20
"""Largest body that is read. Text of a 128k context is about 0.5 MiB at 4 bytes a token; images sent inline
are larger. Nobody has measured what clients of these models send."""

RETRY_S = (1, 60)
"""Bounds of `Retry-After`: less is a busy loop, and for longer nobody can tell how much will be waiting."""


class AdmissionSettings(Frozen):
    """What one model's plan allows. All of it follows from the plan but the last three, which are choices."""

    context_tokens: PositiveInt = Field(description="Longest request, prompt and answer together.")
    kv_tokens: PositiveInt = Field(description="Tokens that the KV cache of one replica holds.")
    wake_budget_s: PositiveFloat = Field(
        description="How long a request may wait for a model at rest to start: the plan's slow cold start."
    )
    answer_tokens: PositiveInt | None = Field(
        default=None,
        description=(
            "What a request that states no max_tokens is taken to write: the plan's mean answer. The rest of "
            "the context where nothing is planned: as much as vLLM then lets it write."
        ),
    )
    tokens_per_second: PositiveFloat | None = Field(
        default=None,
        description=(
            "What one replica gets through under its planned load, prompts and answers together. Where "
            "nothing is planned, whoever is refused is told a constant."
        ),
    )
    block_tokens: PositiveInt = Field(default=16, description="Tokens of a KV block: vLLM's default.")
    ingress_replicas: PositiveInt = Field(
        default=1, description="Among how many ingress replicas the bound is shared; each knows only its own."
    )
    waiting: NonNegativeFloat = Field(
        default=1.0,
        description=(
            "KV caches' worth of requests that may wait for each one that works. With 1 the last in line "
            "waits about as long as a full cache takes to be answered. Nobody has measured it."
        ),
    )
    first_token_s: PositiveFloat = Field(
        default=120.0,
        description=(
            "After which a request that a running model has not begun to answer gets a 503. Ray's own router "
            "waits 600 s, longer than proxies and clients do. Nobody has measured it."
        ),
    )
    token_s: PositiveFloat = Field(
        default=0.2,
        description=(
            "How long each token may take of an answer that is not streamed: of it nothing is seen before "
            "the whole is there. About as fast as people read; nobody has measured what clients stand."
        ),
    )

    @model_validator(mode="after")
    def _context_fits(self) -> Self:
        if self.context_tokens > self.kv_tokens:
            raise ValueError(
                f"context_tokens {self.context_tokens} is more than the KV cache of a replica holds, "
                f"kv_tokens {self.kv_tokens}"
            )
        return self

    @property
    def kv_blocks(self) -> int:
        """Blocks of one replica's KV cache."""
        return self.kv_tokens // self.block_tokens


class Request(Frozen):
    """What is known of a request before an engine has seen it."""

    prompt_tokens: NonNegativeInt = Field(description="Of all its messages, with the chat template.")
    max_tokens: PositiveInt | None = Field(default=None, description="Most that it lets the model write.")
    answers: PositiveInt = Field(default=1, description="`n`: how many are written; they share the prompt.")
    counted: bool = Field(
        default=True,
        description="Whether a tokenizer counted the prompt. An estimate weighs, but never refuses alone.",
    )
    streamed: bool = Field(
        default=True, description="Whether its first token is sent as soon as it is there."
    )


class InFlight(Frozen):
    """What this ingress replica has let in and has not seen the end of, for one model."""

    blocks: NonNegativeInt = Field(default=0, description="KV blocks that those requests were taken to need.")
    replicas: NonNegativeInt = Field(default=1, description="Replicas of the model that run.")
    waking_s: NonNegativeFloat = Field(
        default=0.0, description="How long requests have been waiting with no replica running, seconds."
    )


class Wait(Frozen):
    """How long something may still take, and what the client is told when it took longer."""

    seconds: PositiveFloat
    late: OpenAIError


class Admitted(Frozen):
    """Let in. The ingress adds `blocks` to its count until the request ends, however it ends."""

    blocks: PositiveInt
    answer: Wait = Field(
        description="For the first token, or the whole of an answer that is not streamed, on a running model."
    )
    wake: Wait | None = Field(default=None, description="Before that, for the first replica to run.")


class Refused(Frozen):
    """Not let in, and what the client is told."""

    error: OpenAIError


def blocks_of(request: Request, settings: AdmissionSettings) -> int:
    """KV blocks that a request may come to fill: its prompt, and each answer to its full length.

    Never more than the context, which the engine does not let it exceed.
    """
    shared = min(request.prompt_tokens, settings.context_tokens)
    alone = _answer_tokens(request, settings)
    return max(1, math.ceil((shared + request.answers * alone) / settings.block_tokens))


def _answer_tokens(request: Request, settings: AdmissionSettings) -> int:
    """Most that it may write, of one answer."""
    rest = settings.context_tokens - min(request.prompt_tokens, settings.context_tokens)
    return min(rest, request.max_tokens or settings.answer_tokens or rest)


def admit(request: Request, in_flight: InFlight, settings: AdmissionSettings) -> Admitted | Refused:
    """Whether a request is let in now.

    400 where it can never fit; 503 where the model has been starting for longer than its budget; 429 where
    more would wait than may. Into an ingress that has nothing in flight every request that fits is let in, so
    that a long one is not refused for ever by a small share.
    """
    if too_long := _too_long(request, settings):
        return Refused(error=too_long)
    asleep = in_flight.replicas == 0
    left_s = settings.wake_budget_s - in_flight.waking_s
    if asleep and left_s <= 0:
        return Refused(error=starting(_retry_after(in_flight.waking_s)))
    blocks = blocks_of(request, settings)
    excess = in_flight.blocks + blocks - _share(in_flight, settings)
    if in_flight.blocks and excess > 0:
        return Refused(error=overloaded(_retry_after(_drained_s(excess, in_flight, settings))))
    # A request must reach Ray's handle for Ray to start a replica: it waits there for its turn.
    wake = Wait(seconds=left_s, late=starting(_retry_after(left_s))) if asleep else None
    return Admitted(blocks=blocks, answer=_answer(request, settings), wake=wake)


def _answer(request: Request, settings: AdmissionSettings) -> Wait:
    tokens = 0 if request.streamed else _answer_tokens(request, settings)
    seconds = settings.first_token_s + tokens * settings.token_s
    return Wait(seconds=seconds, late=unavailable(_retry_after(settings.first_token_s)))


def _too_long(request: Request, settings: AdmissionSettings) -> OpenAIError | None:
    """Whether it can never fit. What is only estimated is left to the engine, which counts."""
    prompt = request.prompt_tokens if request.counted else None
    answer = request.max_tokens or 1
    if (prompt or 0) + answer <= settings.context_tokens:
        return None
    return context_too_long(prompt_tokens=prompt, max_tokens=answer, context_tokens=settings.context_tokens)


def _share(in_flight: InFlight, settings: AdmissionSettings) -> float:
    """Blocks that this ingress may have in flight; a model at rest counts as the one replica it will have."""
    replicas = max(1, in_flight.replicas)
    return replicas * settings.kv_blocks * (1 + settings.waiting) / settings.ingress_replicas


def _drained_s(blocks: float, in_flight: InFlight, settings: AdmissionSettings) -> float:
    """How long so many blocks take to be answered, where the plan says how fast they are."""
    if settings.tokens_per_second is None:
        return RETRY_AFTER_S
    pace = max(1, in_flight.replicas) * settings.tokens_per_second / settings.ingress_replicas
    return blocks * settings.block_tokens / pace


def _retry_after(seconds: float) -> int:
    least, most = RETRY_S
    return max(least, min(most, math.ceil(seconds)))
