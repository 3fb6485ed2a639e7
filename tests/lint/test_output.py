"""Findings in each form, whole: for people, for programs, for code hosts."""

import json
from importlib.metadata import version
from inspect import cleandoc

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from inference_stack.lint.linting import Linted, lint, lint_source
from inference_stack.lint.output.github import annotations
from inference_stack.lint.output.json import as_json
from inference_stack.lint.output.sarif import as_sarif
from inference_stack.lint.output.terminal import text
from inference_stack.lint.source import Source

SCRIPT = 'MODEL=a\n\tvllm serve "$MODEL" --frobnicate 100%  # é\npython -m vllm.entrypoints.api_server\n'


def linted(script: str = SCRIPT, name: str = "run, all.sh") -> Linted:
    return Linted(tuple(lint_source(Source(name, script), "0.29.0")), 2)


def test_a_person_sees_the_line_a_caret_and_what_to_do():
    assert (
        text(linted())
        == cleandoc("""
        run, all.sh:2:22: error unknown-argument
        2 |  vllm serve "$MODEL" --frobnicate 100%  # é
          |                      ^^^^^^^^^^^^
          --frobnicate = 100%
          vLLM 0.29.0 has no argument of this name
          allowed: 292 names, none of them close to this one

        run, all.sh:3:11: error unknown-entry-point
        3 | python -m vllm.entrypoints.api_server
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          -m = vllm.entrypoints.api_server
          vLLM 0.29.0 has no module of this name
          do: start `vllm serve MODEL`

        2 files read: 2 errors in 1 file
    """)
        + "\n"
    )


def test_a_long_line_is_shown_around_its_token():
    shown = text(
        linted(f"vllm serve a --port 1 {'--host x ' * 30}--frobnicate 1 {'--host x ' * 30}\n")
    ).splitlines()
    line, caret = shown[1], shown[2]
    assert len(line) < 110
    assert line[caret.index("^") : caret.rindex("^") + 1] == "--frobnicate"


def test_what_is_about_a_whole_file_has_no_line():
    assert text(lint(["nowhere.yaml"])).splitlines()[:2] == [
        "nowhere.yaml: error unreadable-file",
        "  cannot be read: No such file or directory",
    ]
    (told,) = json.loads(as_json(lint(["nowhere.yaml"])))
    assert (told["line"], told["column"], told["length"]) == (None, None, None)
    assert annotations(lint(["nowhere.yaml"])).startswith("::error file=nowhere.yaml,title=unreadable-file::")
    (result,) = json.loads(as_sarif(lint(["nowhere.yaml"])))["runs"][0]["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_nothing_found_is_said():
    assert text(Linted((), 1)) == "1 file read: nothing found\n"
    assert as_json(Linted((), 1)) == "[]"
    assert annotations(Linted((), 1)) == ""
    assert json.loads(as_sarif(Linted((), 1)))["runs"][0]["results"] == []


def test_a_program_reads_each_finding_with_its_place():
    assert json.loads(as_json(linted()))[1] == {
        "file": "run, all.sh",
        "line": 3,
        "column": 11,
        "length": 27,
        "code": "unknown-entry-point",
        "severity": "error",
        "path": "-m",
        "given": "vllm.entrypoints.api_server",
        "what": "vLLM 0.29.0 has no module of this name",
        "allowed": None,
        "remedy": "start `vllm serve MODEL`",
        "reference": None,
    }


def test_github_is_told_on_one_line_each_with_everything_escaped():
    assert annotations(linted()).splitlines() == [
        "::error file=run%2C all.sh,line=2,col=22,endColumn=34,title=unknown-argument::"
        "--frobnicate = 100%25%0A"
        "vLLM 0.29.0 has no argument of this name%0Aallowed: 292 names, none of them close to this one",
        "::error file=run%2C all.sh,line=3,col=11,endColumn=38,title=unknown-entry-point::"
        "-m = vllm.entrypoints.api_server%0AvLLM 0.29.0 has no module of this name%0A"
        "do: start `vllm serve MODEL`",
    ]


def test_sarif_holds_a_rule_for_each_code_and_a_result_for_each_finding():
    whole = json.loads(as_sarif(linted()))
    assert whole == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "inference-stack",
                        "version": version("inference-stack"),
                        "rules": [{"id": "unknown-argument"}, {"id": "unknown-entry-point"}],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    result(0, "unknown-argument", "--frobnicate", 2, 22, 34, whole),
                    result(1, "unknown-entry-point", "-m", 3, 11, 38, whole),
                ],
            }
        ],
    }
    assert whole["runs"][0]["results"][1]["message"]["text"].endswith("do: start `vllm serve MODEL`")


def result(index: int, code: str, path: str, line: int, column: int, end: int, whole: dict) -> dict:
    region = {"startLine": line, "startColumn": column, "endColumn": end}
    place = {"artifactLocation": {"uri": "run%2C%20all.sh"}, "region": region}
    return {
        "ruleId": code,
        "ruleIndex": index,
        "level": "error",
        "message": whole["runs"][0]["results"][index]["message"],
        "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": path}]}],
    }


@pytest.mark.parametrize("lints", [linted, lambda: Linted((), 1), lambda: lint(["nowhere.yaml"])])
def test_sarif_is_as_its_schema_says(lints):
    Sarif.model_validate_json(as_sarif(lints()))


def test_the_schema_of_sarif_refuses_what_is_not_sarif():
    broken = json.loads(as_sarif(linted()))
    del broken["runs"][0]["results"][0]["message"]
    with pytest.raises(ValidationError):
        Sarif.model_validate(broken)


@pytest.mark.parametrize(("name", "uri"), [("/a b/é.sh", "file:///a%20b/%C3%A9.sh"), ("a/b.sh", "a/b.sh")])
def test_sarif_names_files_as_addresses(name, uri):
    (only, *_) = json.loads(as_sarif(linted(name=name)))["runs"][0]["results"]
    assert only["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
