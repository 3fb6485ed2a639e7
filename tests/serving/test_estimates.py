from types import SimpleNamespace
from typing import Any

import pytest

from serving.admission import Request
from serving.estimates import request_of


def chat(*messages: dict[str, Any], **more: Any) -> Request:
    return request_of(SimpleNamespace(messages=list(messages), **more))


def completion(prompt: Any, **more: Any) -> Request:
    return request_of(SimpleNamespace(prompt=prompt, **more))


def test_text_is_estimated_over_all_messages():
    asked = chat({"role": "system", "content": "x" * 400}, {"role": "user", "content": "y" * 398})
    assert (asked.prompt_tokens, asked.counted) == (200, False)


def test_a_message_in_parts_is_read_once_and_is_still_there_afterwards():
    message = {"role": "user", "content": iter([{"type": "text", "text": "x" * 40}])}
    assert chat(message).prompt_tokens == 10
    assert message["content"] == [{"type": "text", "text": "x" * 40}]


def test_an_image_counts_for_nothing_however_large():
    image = {"type": "image_url", "image_url": {"url": "data:" + "x" * 100_000}}
    assert chat({"role": "user", "content": [image, {"type": "text", "text": "Who?!"}]}).prompt_tokens == 2


@pytest.mark.parametrize("message", [{"role": "assistant", "content": None}, {"role": "assistant"}])
def test_a_message_without_words_counts_for_nothing(message: dict[str, Any]):
    assert chat(message).prompt_tokens == 0


def test_tools_are_part_of_the_prompt():
    tool = SimpleNamespace(model_dump_json=lambda: "x" * 80)
    assert chat({"role": "user", "content": ""}, tools=[tool]).prompt_tokens == 20


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_longest_answer_is_what_the_client_says(name: str):
    assert chat(**{name: 7}).max_tokens == 7
    assert chat().max_tokens is None


def test_several_answers_are_several():
    assert chat(n=3).answers == 3
    assert chat(n=None).answers == 1


@pytest.mark.parametrize("stream", [True, False])
def test_whether_it_is_streamed_is_what_the_client_says(stream: bool):
    assert chat(stream=stream).streamed is stream


def test_token_ids_are_counted():
    asked = completion([1] * 50, max_tokens=3)
    assert (asked.prompt_tokens, asked.counted, asked.max_tokens) == (50, True, 3)


@pytest.mark.parametrize("prompts", [["x" * 200, "y" * 200], [[1] * 50, [2] * 50]])
def test_several_prompts_are_answered_each(prompts: list[Any]):
    asked = completion(prompts, n=2)
    assert (asked.prompt_tokens, asked.answers, asked.counted) == (100, 4, False)


def test_an_empty_list_of_prompts_is_left_to_the_engine():
    assert completion([]).prompt_tokens == 0


def test_what_writes_nothing_weighs_next_to_nothing():
    asked = request_of(SimpleNamespace(input="x" * 4000))
    assert (asked.prompt_tokens, asked.max_tokens, asked.counted) == (0, 1, False)
