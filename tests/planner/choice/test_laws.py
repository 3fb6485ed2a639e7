"""What holds for every environment."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_stack.planner import Plan
from inference_stack.planner.choice.candidate import Candidate
from inference_stack.planner.choice.nodes import QUARTERS
from inference_stack.planner.choice.packing import Limits, Packing, Pick, pack
from inference_stack.planner.choice.solver import solve
from inference_stack.spec import InvalidEnvironment
from tests.planner.choice.asking import NC40, NC80, asking, planned
from tests.planner.choice.candidates import candidate, offer

few = settings(max_examples=12)
some = settings(max_examples=40)

models = st.builds(
    asking,
    st.sampled_from(
        ["Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-32B", "Qwen/Qwen3-30B-A3B", "openai/gpt-oss-120b"]
    ),
    rate=st.floats(0.1, 20),
    prompt=st.integers(50, 6000),
    output=st.integers(10, 1500),
    tpot_ms=st.sampled_from([30, 60, 200]),
    isolation=st.sampled_from(["shared", "dedicated"]),
)


def outcome(*asked: dict[str, Any], **environment: Any) -> str:
    try:
        return planned(*asked, **environment).model_dump_json()
    except InvalidEnvironment as wrong:
        return str(wrong)


@few
@given(st.lists(models, min_size=1, max_size=3))
def test_a_plan_is_deterministic_and_the_same_json_both_ways(asked: list[dict[str, Any]]) -> None:
    first = outcome(*asked)
    assert outcome(*asked) == first
    if first.startswith("{"):
        assert Plan.model_validate_json(first).model_dump_json() == first


@few
@given(models, st.floats(0.1, 20), st.floats(0.1, 20))
def test_the_price_never_falls_with_the_load(asked: dict[str, Any], one: float, other: float) -> None:
    def usd(rate: float) -> float:
        traffic = asked["traffic"] | {"requests_per_second": rate}
        return planned(asked | {"traffic": traffic}).price.peak.gpu_usd_per_hour

    less, more = sorted((one, other))
    try:
        assert usd(less) <= usd(more) + 1e-6
    except InvalidEnvironment:
        # No rate changes what one request alone sees.
        with pytest.raises(InvalidEnvironment):
            usd(more)


@few
@given(st.lists(models, min_size=1, max_size=3), st.booleans())
def test_a_packed_card_never_exceeds_itself(asked: list[dict[str, Any]], shared: bool) -> None:
    pool = {"name": "nvl", "sku": NC80, "nodes": {"max": 50}}
    try:
        plan = planned(*asked, pools=[pool], shared_gpus=shared)
    except InvalidEnvironment:
        return
    by_name = {model.name: model for model in plan.models}
    seen = {model.name: 0.0 for model in plan.models}
    for node in plan.packing:
        for unit in node.units:
            assert sum(tenant.share for tenant in unit.tenants) <= 1
            used = sum(by_name[tenant.model].memory.usable_gib for tenant in unit.tenants)
            assert used <= 0.92 * 93.1 + 1e-6
            for tenant in unit.tenants:
                seen[tenant.model] += tenant.share
    for model in plan.models:
        assert seen[model.name] == pytest.approx(model.replicas_max * model.units * model.share)


offers = st.sampled_from(
    [
        offer(NC40, None, "a"),
        offer(NC40, "MIG2g", "b"),
        offer(NC80, None, "c"),
        offer(NC80, None, "d", existing=True, most=2),
        replace(offer(NC80, None, "e"), reserved=True),
    ]
)
candidates = st.builds(
    candidate,
    offers,
    st.sampled_from([1, 2]),
    st.integers(1, 7),
    st.sampled_from([QUARTERS, QUARTERS, 1, 2, 3]),
)
choices = st.lists(candidates, min_size=1, max_size=4).map(tuple)
picks = st.lists(st.tuples(choices, st.booleans()), min_size=1, max_size=4).map(
    lambda each: [Pick(choice, f"owner{number}" * alone) for number, (choice, alone) in enumerate(each)]
)


@some
@given(
    picks,
    st.sampled_from([{}, {"standardncadsh100v5family": 160}, {"cores": 160}]),
    st.sampled_from([98, 2, 1]),
)
def test_the_solver_finds_what_trying_everything_finds(
    asked: list[Pick], quota: dict[str, int], pools: int
) -> None:
    limits = Limits(quota, pools, {NC80: 2})
    tried, solved = pack(asked, limits), solve(asked, limits)
    assert solved.gap == pytest.approx(0, abs=1e-9)
    assert sum(solved.broken(limits)) == sum(tried.broken(limits))
    assert solved.usd_per_hour(limits) == pytest.approx(tried.usd_per_hour(limits), abs=0.01)


@some
@given(picks)
def test_no_single_change_makes_a_packing_cheaper(asked: list[Pick]) -> None:
    limits = Limits(reserved={NC80: 1})
    found = pack(asked, limits)
    for number, pick in enumerate(asked):
        for other in pick.candidates:
            changed: list[Candidate] = [*found.chosen]
            changed[number] = other
            assert found.rank(limits) <= Packing(tuple(asked), tuple(changed)).rank(limits)
