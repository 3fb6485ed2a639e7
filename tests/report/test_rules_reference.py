"""docs/rules.md is what the rules say of themselves."""

import inspect
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import inference_stack.engine.rules as room
from inference_stack.engine.rules import Rule
from inference_stack.report.rules_reference import GROUPS, PAGE, every_rule, written


def test_the_page_is_as_make_reference_writes_it() -> None:
    assert PAGE.read_text() == written()


def test_every_rule_that_is_made_stands_on_the_page() -> None:
    modules = [import_module(f"{room.__name__}.{module.name}") for module in iter_modules(room.__path__)]
    made: list[Rule[Any]] = [
        value for module in modules for _, value in inspect.getmembers(module) if isinstance(value, Rule)
    ]
    assert {rule.code for rule in made} == {rule.code for rule in every_rule()}


def test_one_code_means_one_rule_or_the_same_on_another_kind_of_thing() -> None:
    for _, rules in GROUPS:
        codes = [rule.code for rule in rules]
        assert len(codes) == len(set(codes))
    severities: dict[str, set[str]] = {}
    for rule in every_rule():
        severities.setdefault(rule.code, set()).add(rule.severity)
    assert not {code: each for code, each in severities.items() if len(each) > 1}
