"""Anything at all is read without a crash: 10,000 inputs, mutated files and files made up."""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from .mutating import ODD, mutated, read
from .seeds import SEEDS

MUTATED = 1_000
"""Inputs from each seed."""
MADE_UP = 500
"""Inputs of each kind from hypothesis."""

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    float("nan"),
    "",
    "x",
    "é",
    [],
    {},
    [[]],
    {"a": 1},
    [None],
    10**30,
    {1: 2},
]


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_that_was_mutated_is_no_crash(name):
    random = Random(name)  # noqa: S311 - no secret
    for _ in range(MUTATED):
        read(name, mutated(SEEDS[name].encode(), random))


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with a key or index of it."""
    waiting = [document]
    while waiting:
        held = waiting.pop()
        keys = list(held) if isinstance(held, dict) else list(range(len(held)))
        for key in keys:
            yield held, key
            if isinstance(held[key], dict | list):
                waiting.append(held[key])


@pytest.mark.parametrize(
    "name", ["serve.yaml", "service.yaml", "deployment.yaml", "compose.yaml", "models.json"]
)
def test_any_value_in_any_place_is_no_crash(name):
    random = Random(name)  # noqa: S311 - no secret
    for _ in range(200):
        (document, *_) = yaml.safe_load_all(SEEDS[name])
        for _ in range(random.randint(1, 3)):
            held, key = random.choice(list(places(document)))
            held[key] = deepcopy(random.choice(VALUES))
        text = json.dumps(document) if name.endswith("json") else yaml.safe_dump(document)
        read(name, text.encode())


common = settings(max_examples=MADE_UP, database=None)
pieces = st.sampled_from(
    [piece for text in SEEDS.values() for piece in text.split()]
    + [odd.decode(errors="replace") for odd in ODD]
)
texts = st.lists(pieces | st.text(max_size=5), max_size=40).map(" ".join)


@pytest.mark.parametrize("name", ["a.yaml", "a.sh"])
@common
@given(data=st.binary(max_size=200))
def test_bytes_are_no_crash(name, data):
    read(name, b"vllm " + data)


@pytest.mark.parametrize("name", ["a.yaml", "a.sh", "Dockerfile", "a.json"])
@common
@given(text=texts, ends=st.sampled_from(["\n", "\r\n", " \\\n"]))
def test_words_in_any_order_are_no_crash(name, text, ends):
    read(name, text.replace("--", f"{ends}--").encode(errors="replace"))


def test_the_inputs_are_ten_thousand():
    assert len(SEEDS) * MUTATED + 5 * 200 + 6 * MADE_UP >= 10_000
