"""What a declared type lets stand in JSON, and how an option reads its words."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from serving.declared_arguments import Declared, argument, declared, enum_values
from serving.serve_options import read_by


class Backend(enum.Enum):
    FAST = "module.Fast"
    SLOW = "module.Slow"


class Graphs(enum.Enum):
    NONE = 0
    BOTH = (2, 1)


@dataclass
class Config:
    backend: Backend = Backend.FAST
    level: Annotated[int, Field(ge=0)] = Field(default=1, le=3)
    mode: Literal["a", "b"] = "a"


def kinds(found: Declared) -> set[str]:
    return set(found.kinds)


def test_a_union_takes_each_of_its_members_and_leaves_out_what_json_cannot_say() -> None:
    assert kinds(declared(bool | str | None)) == {"boolean", "string", "null"}
    assert kinds(declared(dict[str, Any] | Callable[[Any], Any])) == {"object"}
    assert kinds(declared(Path | None)) == {"string", "null"}
    assert kinds(declared(set[str])) == {"array"}


def test_literals_are_the_only_values_unless_text_may_stand_beside_them() -> None:
    closed, opened = declared(Literal["a", "b"] | None), declared(Literal["a", "b"] | str)
    assert (closed.values, closed.open) == (["a", "b"], False)
    assert (opened.values, opened.open) == (["a", "b"], True)


def test_entries_of_a_list_have_their_own_types_and_values() -> None:
    found = declared(list[Literal["x", "y"]] | None)
    assert found.items
    assert found.items.values == ["x", "y"]


def test_bounds_are_read_from_the_type_and_from_the_field_that_holds_it() -> None:
    found = argument("level", "Config", int, 1, (Config, "level"))
    assert (found.minimum, found.maximum, found.default) == (0, 3, 1)
    assert argument("level", "Config", int, 1, None).maximum is None


def test_an_argument_that_is_open_is_narrowed_by_the_field_behind_it() -> None:
    assert argument("mode", "Config", str, "a", (Config, "mode")).values == ("a", "b")


def test_an_enumeration_is_written_as_the_class_that_holds_it_takes_it() -> None:
    assert enum_values(Backend, (Config, "backend")) == (["module.Fast", "module.Slow"], False)
    assert enum_values(Graphs, None)[0] == ["NONE", "BOTH"]


@pytest.mark.parametrize(
    ("read", "parse"),
    [
        (str, "value"),
        (lambda word: word.lower().replace("-", "_"), "normalized"),
        (lambda word: [int(part) for part in word.split(",")], "comma"),
        (lambda word: {"a": 1} if word == '{"a": 1}' else int(word), "json"),
        (lambda word: {"a": 1} if word == '{"a": 1}' else word, "json-or-text"),
        (lambda word: int(word.replace("k", "000")), "human"),
    ],
)
def test_how_an_option_reads_is_told_by_what_it_makes_of_words(read: Any, parse: str) -> None:
    assert read_by(read) == parse
