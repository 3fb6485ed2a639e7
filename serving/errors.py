"""Errors as OpenAI's API has them: the one place where their status, type, code and words are written.

Nothing here is made of an exception: what a client reads never holds a traceback, an address or a name from
inside. OpenAI's own clients retry by status (408, 409, 429 and from 500 on) and wait as `Retry-After` says;
codes are OpenAI's where it has one for the fault.
"""

from typing import Literal

from pydantic import Field, PositiveInt

from .frozen import Frozen

RETRY_AFTER_S = 5
"""When to come back where nothing says it, seconds: a good part of what a request takes."""

ErrorType = Literal["invalid_request_error", "rate_limit_error", "server_error"]


class ErrorBody(Frozen):
    """What stands under `error`."""

    message: str
    type: ErrorType
    param: str | None = Field(default=None, description="Field of the request that is at fault, if one is.")
    code: str = Field(description="Stable name of the fault, for programs.")


class OpenAIError(Frozen):
    """An answer that is an error: before the first byte as a response, later as an event of the stream."""

    status: int = Field(ge=400, le=599, description="HTTP status.")
    error: ErrorBody
    retry_after_s: PositiveInt | None = Field(default=None, description="When to come back, seconds.")

    def body(self) -> dict[str, dict[str, str | None]]:
        """The response's JSON: an object with `error`, as OpenAI sends it."""
        return {"error": self.error.model_dump()}

    def headers(self) -> dict[str, str]:
        """Headers of the response beside the content type."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}

    def event(self) -> str:
        """The server-sent event that ends a stream which has begun; no `[DONE]` follows it."""
        return f'data: {{"error":{self.error.model_dump_json()}}}\n\n'


class ToldError(Exception):
    """A request ends here, and this is what its client is told."""

    def __init__(self, told: OpenAIError) -> None:
        """`told` is the answer."""
        super().__init__(told)  # of which it is made again where it comes from another process
        self.told = told


def invalid_request(message: str, *, param: str | None = None, code: str = "invalid_value") -> OpenAIError:
    """400: the request itself is wrong, and will be wrong again."""
    return _error(400, "invalid_request_error", code, message, param=param)


def context_too_long(*, prompt_tokens: int | None, max_tokens: int, context_tokens: int) -> OpenAIError:
    """400: prompt and answer do not fit the model's context; None for a prompt that nobody has counted."""
    context = f"This model's context is {context_tokens} tokens."
    if prompt_tokens is None:
        asked = f"The request asks for up to {max_tokens} beside its prompt: lower max_tokens."
    else:
        whole = prompt_tokens + max_tokens
        asked = (
            f"The request has {prompt_tokens} in its prompt and asks for up to {max_tokens} more, {whole} in "
            f"all: shorten the prompt by {whole - context_tokens}, or lower max_tokens."
        )
    return invalid_request(
        f"{context} {asked}",
        param="max_tokens" if (prompt_tokens or 0) < context_tokens else "messages",
        code="context_length_exceeded",
    )


def body_too_large(*, body_bytes: int, limit_bytes: int) -> OpenAIError:
    """400: refused by its size, before anything parses it."""
    return invalid_request(
        f"The request's body has {body_bytes} bytes; at most {limit_bytes} are read.",
        code="request_too_large",
    )


def unknown_model(model: str) -> OpenAIError:
    """404: neither a model nor an adapter of that name is served."""
    return _error(
        404,
        "invalid_request_error",
        "model_not_found",
        f"The model {model!r} is not served here. GET /v1/models lists those that are.",
        param="model",
    )


def adapter_invalid(model: str, why: str) -> OpenAIError:
    """400: an adapter that is there and cannot be served. As it is, it will be wrong again."""
    return invalid_request(
        f"The adapter {model!r} cannot be served: {why}.", param="model", code="adapter_invalid"
    )


def adapter_unavailable(model: str, retry_after_s: int) -> OpenAIError:
    """503: the store of the adapters did not give this one, and the replica does not have it."""
    return _error(
        503,
        "server_error",
        "adapter_unavailable",
        f"The adapter {model!r} could not be fetched. Come back in {retry_after_s} s.",
        param="model",
        retry_after_s=retry_after_s,
    )


def overloaded(retry_after_s: int) -> OpenAIError:
    """429: as much is waiting as may wait."""
    return _error(
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        f"More is asked of this model than it can answer now. Come back in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )


def starting(retry_after_s: int) -> OpenAIError:
    """503: no replica is there yet; one is on its way."""
    return _error(
        503,
        "server_error",
        "model_starting",
        f"The model was at rest and is being started. Come back in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )


def unavailable(retry_after_s: int) -> OpenAIError:
    """503: no replica can take the request, and none is known to be on its way."""
    return _error(
        503,
        "server_error",
        "model_unavailable",
        f"No replica of the model can answer at the moment. Come back in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )


def replica_lost() -> OpenAIError:
    """500, or the last event of a stream: what worked on the request is gone.

    A request that has streamed nothing yet is tried once more instead; this one cannot be.
    """
    return _error(
        500,
        "server_error",
        "replica_lost",
        "The replica that worked on this request stopped before it had finished. Send the request again.",
    )


def internal() -> OpenAIError:
    """500: a fault of ours, whatever it was; the log has it under the request's id."""
    return _error(500, "server_error", "internal_error", "The server could not answer this request.")


def _error(
    status: int,
    kind: ErrorType,
    code: str,
    message: str,
    *,
    param: str | None = None,
    retry_after_s: int | None = None,
) -> OpenAIError:
    body = ErrorBody(message=message, type=kind, param=param, code=code)
    return OpenAIError(status=status, error=body, retry_after_s=retry_after_s)
