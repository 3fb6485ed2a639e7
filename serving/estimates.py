"""What a request will take, read off its body before any tokenizer has seen it."""

from collections.abc import Iterable
from typing import Any

from .admission import Request

TOKEN_BYTES = 4
"""Bytes of text a token: of English with the tokenizers of these models. Other scripts and code have fewer,
and are let in as if they were shorter; the engine counts."""


def request_of(body: Any) -> Request:
    """A request by the body of its call: a chat's, a completion's, or of a call that writes nothing.

    Token ids are counted, text is estimated. Images and sound are not estimated: nothing here knows how many
    tokens a model makes of them.
    """
    streamed = bool(getattr(body, "stream", False))
    answers = getattr(body, "n", None) or 1
    most = getattr(body, "max_completion_tokens", None) or getattr(body, "max_tokens", None)
    if (messages := getattr(body, "messages", None)) is not None:
        prompt = sum(map(_said, messages)) + _written(getattr(body, "tools", None) or ())
        return _estimated(prompt, most=most, answers=answers, streamed=streamed)
    prompts = _prompts(getattr(body, "prompt", None))
    if prompts is None:
        return Request(prompt_tokens=0, max_tokens=1, counted=False, streamed=False)
    if len(prompts) == 1 and isinstance(prompts[0], list):
        return Request(prompt_tokens=len(prompts[0]), max_tokens=most, answers=answers, streamed=streamed)
    read = sum(len(each.encode()) if isinstance(each, str) else len(each) * TOKEN_BYTES for each in prompts)
    return _estimated(read, most=most, answers=answers * max(1, len(prompts)), streamed=streamed)


def _estimated(prompt_bytes: int, *, most: int | None, answers: int, streamed: bool) -> Request:
    tokens = -(-prompt_bytes // TOKEN_BYTES)
    return Request(prompt_tokens=tokens, max_tokens=most, answers=answers, counted=False, streamed=streamed)


def _prompts(prompt: Any) -> list[str | list[int]] | None:
    """A completion's prompts: one or several, as text or as token ids."""
    if prompt is None or isinstance(prompt, str):
        return None if prompt is None else [prompt]
    return [prompt] if prompt and isinstance(prompt[0], int) else list(prompt)


def _said(message: Any) -> int:
    """Bytes of what a message says."""
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        # As it comes from pydantic it can be read once; Ray makes a list of it in the same way.
        content = message["content"] = list(content)
        return sum(len(str(part.get("text") or "").encode()) for part in content)
    return len((content or "").encode())


def _written(tools: Iterable[Any]) -> int:
    """Bytes of the tools that a prompt describes."""
    return sum(len(tool.model_dump_json()) for tool in tools)
