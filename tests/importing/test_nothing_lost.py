"""Every key of a source is carried over, decided, or listed as left out."""

import re
from typing import Any

import pytest
import yaml

from inference_stack.importing import Imported
from inference_stack.importing.keys import Keys, within
from tests.importing.sources import (
    COMPOSE,
    DEPLOYMENT,
    DOCKERFILE,
    SCRIPT,
    SERVICE,
    SOURCES,
    emitted,
    imported,
    leaves,
    planned,
)

EMITTED = [emitted(name, model) for name in ("dev", "prod") for model in planned(name).models]


def told(found: Imported) -> list[str]:
    return [each.path for each in (*found.carried, *found.findings)]


@pytest.mark.parametrize("text", [SERVICE, DEPLOYMENT, COMPOSE, *EMITTED])
def test_of_every_key_of_a_manifest_something_is_told(text: str) -> None:
    paths = told(imported(text))
    for document in yaml.safe_load_all(text):
        whole = document.get("kind") == "Secret" and "document" in paths
        lost = [leaf for leaf in leaves(document) if not any(within(leaf, path) for path in paths)]
        assert whole or lost == []


@pytest.mark.parametrize("name", SOURCES)
def test_of_every_option_of_a_command_something_is_told(name: str) -> None:
    paths = told(imported(SOURCES[name], name))
    written = re.findall(r"(?<![\w-])--[a-z][a-z-]+", SOURCES[name])
    assert [option for option in written if not any(path.endswith(option) for path in paths)] == []


@pytest.mark.parametrize(("name", "text"), [("serve.sh", SCRIPT), ("Dockerfile", DOCKERFILE)])
def test_of_every_line_beside_the_command_something_is_told(name: str, text: str) -> None:
    paths = told(imported(text, name))
    lines = {"serve.sh": (2, 4), "Dockerfile": (1, 2, 3)}[name]
    assert [number for number in lines if f"line {number}" not in paths] in ([], [1])


@pytest.mark.parametrize("text", [*SOURCES.values(), *EMITTED])
def test_what_is_carried_over_is_there(text: str) -> None:
    name = next((name for name, known in SOURCES.items() if known == text), "service.yaml")
    found = imported(text, name)
    assert found.carried
    for each in found.carried:
        value: Any = found.content
        for step in re.findall(r"\w+", each.what):
            value = value[int(step)] if step.isdigit() else value[step]


@pytest.mark.parametrize("name", SOURCES)
def test_no_secret_is_told_again(name: str) -> None:
    found = imported(SOURCES[name], name)
    assert "notforyoureyes" not in found.text
    assert "notforyoureyes" not in "".join(each.model_dump_json() for each in found.findings)


def test_what_is_said_last_of_a_key_holds_and_what_nobody_says_shows() -> None:
    keys = Keys()
    keys.add("", {"a": {"b": 1, "c": []}, "d": [1, {"e": 2}]})
    assert [*keys.untold] == ["a.b", "a.c", "d[0]", "d[1].e"]
    keys.carry("a.b", "there")
    keys.leave("a.b", "not any more")
    keys.derive("d", "itself")
    assert [*keys.untold] == ["a.c"]
    assert [(each.path, each.fate) for each in keys.told] == [("a.b", "left"), ("d", "derived")]
