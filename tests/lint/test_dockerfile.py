"""Servers that a Dockerfile starts: while it builds, and when its image runs."""

import pytest

from tests.lint.reading import told, unknown


def in_file(text: str) -> list[str]:
    return unknown(text, "Dockerfile")


@pytest.mark.parametrize(
    "instructions",
    [
        'FROM ubuntu\nENTRYPOINT ["vllm", "serve", "a", "--swap-space", "4"]',
        'FROM ubuntu\nENTRYPOINT ["vllm", "serve"]\nCMD ["a", "--swap-space", "4"]',
        "FROM ubuntu\nCMD vllm serve a --swap-space 4",
        "FROM ubuntu\nENTRYPOINT exec vllm serve a --swap-space 4",
        'FROM ubuntu\nCMD ["/bin/sh", "-c", "vllm serve a --swap-space 4"]',
        'FROM vllm/vllm-openai:v0.29.0\nCMD ["--model", "a", "--swap-space", "4"]',
        'ARG T=v1\nFROM vllm/vllm-openai:${T} AS base\nFROM base\nCMD ["--model", "a", "--swap-space", "4"]',
        'FROM ubuntu AS base\nENTRYPOINT ["vllm", "serve"]\nFROM base\nCMD ["a", "--swap-space", "4"]',
        "FROM ubuntu\nRUN pip install vllm && \\\n    # try it\n\n    vllm serve a --swap-space 4",
        "FROM ubuntu\nRUN --mount=type=cache,target=/var/cache vllm serve a --swap-space 4",
        "FROM ubuntu\nRUN <<EOF\nvllm serve a --swap-space 4\nEOF",
        'FROM ubuntu\nCOPY <<EOF /run.sh\n#!/bin/sh\nvllm serve a --swap-space 4\nEOF\nCMD ["/run.sh"]',
        "# escape=`\nFROM ubuntu\nCMD vllm serve a `\n  --swap-space 4",
        'FROM ubuntu\nCMD ["vllm", "serve", \\\n     "a", \\\n     # how much\n     "--swap-space", "4"]',
        "from ubuntu\ncmd vllm serve a --swap-space 4",
    ],
)
def test_a_server_is_found_in_every_form_of_every_instruction(instructions):
    assert [token.strip('"') for token in in_file(instructions)] == ["--swap-space"]
    assert in_file(instructions.replace("--swap-space", "--max-num-seqs")) == []


@pytest.mark.parametrize(
    "instructions",
    [
        'FROM ubuntu\nCMD ["--model", "a", "--swap-space", "4"]',
        'FROM vllm/vllm-openai\nENTRYPOINT ["python3"]\nCMD ["serve.py", "--swap-space", "4"]',
        "FROM ubuntu\n# CMD vllm serve a --swap-space 4",
        'FROM vllm/vllm-openai\nLABEL note="vllm serve a --swap-space 4"',
        "FROM vllm/vllm-openai",
    ],
)
def test_what_starts_no_server_is_left_alone(instructions):
    assert in_file(instructions) == []


@pytest.mark.parametrize(
    "set_by", ["ENV LEN=banana", 'ENV A=b LEN="banana"', "ENV LEN banana", "ARG LEN=banana"]
)
def test_variables_of_the_image_are_known_to_its_shell(set_by):
    (found,) = told(f"FROM ubuntu\n{set_by}\nCMD vllm serve a --max-model-len $LEN\n", "Dockerfile")
    assert found[0] == "wrong-type"
    assert found[1].strip('"') == "banana"
    assert told("FROM ubuntu\nENV LEN=10\nCMD vllm serve a --max-model-len $LEN\n", "Dockerfile") == []


def test_variables_that_come_from_outside_are_not_judged():
    assert told("FROM ubuntu\nARG LEN\nCMD vllm serve a --max-model-len $LEN\n", "Dockerfile") == []


def test_a_shell_form_after_an_entry_point_hands_the_shell_over_to_vllm():
    """Docker gives the entry point `/bin/sh -c …` as its arguments."""
    found = told('FROM ubuntu\nENTRYPOINT ["vllm", "serve"]\nCMD a --max-num-seqs 4\n', "Dockerfile")
    assert found != []


@pytest.mark.parametrize(
    "name", ["Dockerfile", "dockerfile", "Dockerfile.gpu", "vllm.dockerfile", "Containerfile"]
)
def test_it_is_known_by_its_name(name):
    assert unknown("FROM ubuntu\nCMD vllm serve a --swap-space 4", name) == ["--swap-space"]


def test_it_is_known_by_its_first_instruction():
    assert unknown("# syntax=docker/dockerfile:1\nFROM ubuntu\nCMD vllm serve a --swap-space 4", "x") == [
        "--swap-space"
    ]
