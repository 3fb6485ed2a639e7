"""Each rule on what breaks it and on what keeps it, as the policy SDK holds it."""

from copy import deepcopy
from typing import Any

import pytest

from policies.context import Context
from policies.rule import every_rule
from tests.policies.cases.broken import BROKEN
from tests.policies.cases.environments import FAULTY, GOVERNED, WASTEFUL
from tests.policies.cases.sound import ENVIRONMENT, SOUND
from tests.policies.holding import held


def context(environment: dict[str, Any], stack: str = "test") -> Context:
    return Context(stack=stack, asked=deepcopy(environment))


def test_a_sound_stack_keeps_every_rule() -> None:
    found = held(SOUND, context(ENVIRONMENT))
    assert found.broken == {}
    assert found.not_checked == {}


@pytest.mark.parametrize("rule", BROKEN)
def test_what_breaks_a_rule_is_told_by_its_name(rule: str) -> None:
    found = held([*SOUND, *BROKEN[rule]], context(GOVERNED), only=rule)
    wrong = {each.name for each in BROKEN[rule] if each.name.startswith("bad")}
    assert set(found.by(rule)) == wrong
    assert rule in found.mandatory


@pytest.mark.parametrize("rule", FAULTY)
def test_what_the_plan_of_a_stack_breaks_is_told(rule: str) -> None:
    assert held([], context(FAULTY[rule]), only=rule).by(rule) == ["test"]


def test_one_plan_may_break_several_rules() -> None:
    found = held([], context(WASTEFUL))
    assert FAULTY.keys() - {"kv-cache-has-room"} <= found.broken.keys()


def test_every_rule_has_a_case() -> None:
    levels = {
        "gpu-pools-scale-to-zero",
        "waivers-are-current",
        "waivers-are-told",
    }  # tests/policies/test_levels.py
    assert {rule.name for rule in every_rule()} == BROKEN.keys() | FAULTY.keys() | levels
