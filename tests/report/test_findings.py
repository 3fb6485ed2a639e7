"""docs/findings.md lists exactly the findings that the code can raise, with their severities."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from inference_stack.report.findings import advice, by_severity, place_of
from inference_stack.spec import Severity
from tests.report.plans import NOTE, WARNING

ROOT = Path(__file__).parents[2]
ROOMS = ("inference_stack", "components")
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)


PLACED = {"comment", "key"}
"""Codes of findings that are made only to find a line, and are told to nobody."""


def texts(node: ast.AST | None) -> Iterator[str]:
    """The texts that an expression may become: the values of a table, both sides of a choice."""
    match node:
        case ast.Constant(value=str(told)):
            yield told
        case ast.Dict(values=values):
            for value in values:
                yield from texts(value)
        case ast.IfExp(body=one, orelse=other):
            yield from (*texts(one), *texts(other))
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            yield from texts(default)
        case _:
            return


def parameter(function: ast.FunctionDef, name: str) -> int | None:
    names = [each.arg for each in function.args.args]
    return names.index(name) if name in names else None


def named_codes(module: ast.Module) -> set[str]:
    """What a module puts into a variable, table or parameter that is called code."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    takes = {each.name: place for each in functions if (place := parameter(each, "code")) is not None}
    found: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name.lower() in {"code", "codes"}:
                found.update(texts(node.value))
            case ast.Call(func=ast.Name(id=name)) if name in takes and len(node.args) > takes[name]:
                found.update(texts(node.args[takes[name]]))
            case _:
                pass
    return found


def cases(code: ast.expr, severity: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Code and severity of each case, where one condition decides both."""
    match code, severity:
        case ast.IfExp(), ast.IfExp() if ast.dump(code.test) == ast.dump(severity.test):
            yield code.body, severity.body
            yield code.orelse, severity.orelse
        case _:
            yield code, severity


def severities(severity: ast.expr | None) -> set[str]:
    nodes = ast.walk(severity) if severity else ()
    return {node.attr.lower() for node in nodes if isinstance(node, ast.Attribute)} or {"error"}


def raised() -> dict[str, set[str]]:
    """Codes of every finding that the product makes, with the severities they may have."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in (file for room in ROOMS for file in (ROOT / room).rglob("*.py")):
        module = ast.parse(file.read_text())
        for call in ast.walk(module):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
                continue
            if call.func.id == "rule" and len(call.args) == 2:
                for each in texts(call.args[0]):
                    found[each] |= severities(call.args[1])
            if call.func.id != "Finding":
                continue
            given = {each.arg: each.value for each in call.keywords}
            for code, severity in cases(given["code"], given.get("severity")):
                codes = set(texts(code))
                if isinstance(code, ast.Name | ast.Call):
                    codes |= named_codes(module)
                if file.name == "rule.py":
                    # Here a rule tells what it found, under the code that it was made with.
                    continue
                assert codes, f"{file}:{call.lineno} has a code that this test cannot read"
                for each in codes:
                    found[each] |= severities(severity)
    return found


def listed() -> dict[str, set[str]]:
    rows = ROW.findall((ROOT / "docs" / "findings.md").read_text())
    return {code: set(severity.split(", ")) for code, severity, _, _ in rows}


def test_every_finding_is_listed_with_its_severity_and_nothing_else_is() -> None:
    assert listed() == {code: found for code, found in raised().items() if code not in PLACED}


def test_every_finding_is_listed_once_with_what_it_means_and_what_to_do() -> None:
    told = (ROOT / "docs" / "findings.md").read_text()
    rows = ROW.findall(told)
    assert len(rows) == len({row[0] for row in rows})
    assert len(rows) == sum(line.startswith("| `") for line in told.splitlines())
    assert {word for row in rows for word in row[1].split(", ")} <= set(Severity)


def test_the_gravest_come_first_and_those_of_a_code_stand_together() -> None:
    error = WARNING.model_copy(update={"code": "over-budget", "severity": Severity.ERROR})
    other = WARNING.model_copy(update={"code": "a-code"})
    told = [
        (severity, [(code, len(alike)) for code, alike in codes])
        for severity, codes in by_severity([NOTE, WARNING, error, other, WARNING])
    ]
    assert told == [
        (Severity.ERROR, [("over-budget", 1)]),
        (Severity.WARNING, [("a-code", 1), ("concurrency-exceeds-memory", 2)]),
        (Severity.NOTE, [("price-unverified", 1)]),
    ]


def test_a_finding_is_placed_by_path_line_and_what_stands_there() -> None:
    assert place_of(WARNING) == "models[0].concurrency (line 44) = 40"
    assert place_of(NOTE.model_copy(update={"line": None})) == "pools"
    assert advice(NOTE) == ()
    assert advice(WARNING) == (
        "allowed: at most 31 without waiting",
        "do: lower it, or take engine.kv_cache_dtype: fp8",
    )
