import json
from typing import Any

import pytest

from inference_stack.planner import Plan
from inference_stack.planner.difference import Difference, UnreadablePlanError, difference, read_plan
from inference_stack.spec import Finding, Nodes, Severity
from tests.report.plans import large, small


def changed(plan: Plan, **fields: Any) -> Plan:
    """The plan with other settings of its first model."""
    first = plan.models[0].model_copy(update=fields)
    return plan.model_copy(update={"models": (first, *plan.models[1:])})


def what(found: Difference) -> dict[str, tuple[Any, Any]]:
    return {change.what: (change.old, change.new) for change in found.models[0].changes}


@pytest.mark.parametrize("plan", [small(), large()])
def test_equal_plans_differ_in_nothing(plan: Plan) -> None:
    found = difference(plan, plan)
    assert found == Difference()
    assert not found


def test_a_model_that_runs_otherwise_is_told_setting_by_setting() -> None:
    old = small()
    model = old.models[0]
    new = changed(
        old, replicas_max=model.replicas_max + 3, engine={**model.engine, "max_num_seqs": 7, "seed": 1}
    )
    found = difference(old, new)
    assert [(each.name, each.how) for each in found.models] == [(model.name, "changed")]
    told = what(found)
    assert told["replicas_max"] == (model.replicas_max, model.replicas_max + 3)
    assert told["engine.max_num_seqs"][1] == 7
    assert told["engine.seed"] == (None, 1)
    assert found.pools == found.findings_new == ()


def test_more_replicas_are_more_capacity() -> None:
    old = small()
    speed = old.models[0].speed
    assert speed is not None
    told = what(difference(old, changed(old, replicas_max=2 * old.models[0].replicas_max)))
    before, after = told["requests_per_second"]
    assert after == pytest.approx(2 * before, rel=1e-3)


def test_models_and_pools_come_and_go() -> None:
    old, new = small(), large()
    found = difference(old, new)
    names = {each.name: each.how for each in (*found.models, *found.pools)}
    assert {names[model.name] for model in old.models if model.name not in {m.name for m in new.models}} <= {
        "removed"
    }
    added = [model.name for model in new.models if model.name not in {m.name for m in old.models}]
    assert added
    assert {names[name] for name in added} == {"added"}
    back = {each.name: each.how for each in (*difference(new, old).models,)}
    assert {back[name] for name in added} == {"removed"}


def test_a_pool_tells_its_nodes_gpus_and_slices() -> None:
    old = small()
    first = old.pools[0]
    most = first.nodes.max + 2
    wider = first.model_copy(update={"nodes": Nodes(min=0, max=most)})
    found = difference(old, old.model_copy(update={"pools": (wider, *old.pools[1:])}))
    (pool,) = found.pools
    told = {change.what: change.new for change in pool.changes}
    unit = first.accelerator
    assert told["nodes_max"] == most
    assert told["gpus_max"] == most * unit.per_node // unit.per_gpu
    assert told["units_max"] == most * unit.per_node


def test_the_price_is_told_at_each_load() -> None:
    old = small()
    idle = old.price.idle.model_copy(update={"usd_per_hour": 99.0})
    found = difference(old, old.model_copy(update={"price": old.price.model_copy(update={"idle": idle})}))
    assert [(change.what, change.new) for change in found.price] == [("idle_usd_per_hour", 99.0)]


def test_findings_come_and_go_whatever_their_line() -> None:
    old = small()
    kept = Finding(code="kept", severity=Severity.NOTE, path="pools", what="stays", line=3)
    gone = kept.model_copy(update={"code": "gone"})
    new = kept.model_copy(update={"code": "new"})
    before = old.model_copy(update={"findings": (kept, gone)})
    after = old.model_copy(update={"findings": (new, kept.model_copy(update={"line": 8}))})
    found = difference(before, after)
    assert [finding.code for finding in found.findings_gone] == ["gone"]
    assert [finding.code for finding in found.findings_new] == ["new"]


def test_a_difference_is_the_same_json_both_ways() -> None:
    found = difference(small(), large())
    assert found
    assert Difference.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("plan", [small(), large()])
def test_a_plan_is_read_back_as_it_was_printed(plan: Plan) -> None:
    assert read_plan(plan.model_dump_json(indent=2), "old.json") == plan


def older() -> str:
    plan = json.loads(small().model_dump_json())
    del plan["price"]["peak"]
    plan["price"]["peak_usd_per_hour"] = 9.0
    return json.dumps(plan)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no JSON"),
        ("not a plan", "is no JSON"),
        ("[]", "holds no plan of this version: the whole"),
        ("{}", "and "),
        ('{"findings": []}', "holds no plan of this version"),
        (older(), "price.peak: field required; price.peak_usd_per_hour: extra inputs are not permitted"),
    ],
)
def test_what_is_no_plan_is_refused_with_what_is_wrong_and_what_to_do(text: str, told: str) -> None:
    with pytest.raises(UnreadablePlanError) as raised:
        read_plan(text, "old.json")
    assert str(raised.value).startswith("old.json: ")
    assert told in str(raised.value)
    assert "`inference-stack plan --json`" in str(raised.value)
