"""Each rule on what breaks it and on what keeps it, as the policy SDK holds it."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from policies.context import Context
from policies.rule import every_rule
from tests.policies.cases.broken import BEYOND, BROKEN
from tests.policies.cases.environments import FAULTY, GOVERNED, WASTEFUL
from tests.policies.cases.sound import ENVIRONMENT, IMAGE, SOUND, deployment, merged, pool
from tests.policies.holding import Made, held


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


@pytest.mark.parametrize("rule", BEYOND)
def test_what_the_stand_in_does_not_serve_is_judged_too(rule: str) -> None:
    assert set(held([*SOUND, *BEYOND[rule]], context(GOVERNED), only=rule).by(rule)) == {
        each.name for each in BEYOND[rule]
    }


@pytest.mark.parametrize(
    ("rule", "environment"),
    [(rule, environment) for rule, environments in FAULTY.items() for environment in environments],
)
def test_what_the_plan_of_a_stack_breaks_is_told(rule: str, environment: dict[str, Any]) -> None:
    assert held([], context(environment), only=rule).by(rule) == ["test"]


def test_a_reason_excuses_gpus_that_stand_idle() -> None:
    (idle,) = FAULTY["gpus-put-to-use"]
    reason = {"min": 1, "max": 2, "reason": "Customers do not wait."}
    assert held([], context(merged(idle, {"pools/0/nodes": reason})), only="gpus-put-to-use").broken == {}


def test_pools_that_somebody_else_registers_count_against_the_quota_too() -> None:
    h100s = pool("h100s", vmSize="Standard_ND96isr_H100_v5", gpuInstanceProfile=None)
    for vcpus, broken in ((95, ["test"]), (96, [])):
        environment = merged(ENVIRONMENT, {"quota": {"standardNDSH100v5Family": vcpus}})
        assert held([h100s], context(environment), only="quota-enough").by("quota-enough") == broken


def test_a_plan_that_gives_a_unit_away_twice_is_told() -> None:
    planned = context(ENVIRONMENT)
    assert planned.plan
    node, *rest = planned.plan.packing
    unit = node.units[0]
    twice = unit.model_copy(update={"tenants": unit.tenants * 2})
    packing = (node.model_copy(update={"units": (twice,)}), *rest)
    planned.__dict__["planned"] = planned.plan.model_copy(update={"packing": packing})
    rule = "tenants-share-one-card"
    assert held([], planned, only=rule).by(rule) == ["test"]


@pytest.mark.parametrize("odd", ["text", 7, [], [1], {"a": None}, None])
@pytest.mark.parametrize("sound", SOUND, ids=lambda each: each.name)
def test_a_resource_of_another_form_never_ends_the_pack(sound: Made, odd: object) -> None:
    for key in sound.props.keys() - {"apiVersion", "kind"}:
        found = held([replace(sound, props={**sound.props, key: odd})], context(ENVIRONMENT))
        assert found.broken.keys() <= {rule.name for rule in every_rule()}


def test_what_a_rule_cannot_read_does_not_pass() -> None:
    odd = deployment(
        "odd", **{"spec/template/spec/containers": [{"image": IMAGE, "securityContext": "none"}]}
    )
    ((name, told),) = held([odd], context(ENVIRONMENT), only="pods-unprivileged").broken["pods-unprivileged"]
    assert name == "odd"
    assert "has a form that the rule cannot read" in told


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
