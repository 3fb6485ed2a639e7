from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.planner import ModelCost, PlannedModel, PlannedPool
from inference_stack.planner.cost import adapter_saving, expected_nodes, model_costs, utilization_findings
from inference_stack.planner.plan import PlannedTraffic
from tests.planner.cost.parts import EXISTING, model, pool, prefill

READ_S = 0.1


def cost(pools: Sequence[PlannedPool], models: Sequence[PlannedModel], name: str = "copilot") -> ModelCost:
    return model_costs(pools, models, {each.name: READ_S for each in models})[name]


def test_a_model_alone_on_its_nodes_pays_for_them() -> None:
    assert cost([pool()], [model(replicas_expected=2)]).usd_per_hour == pytest.approx(2 * 6.98)


def test_models_share_a_node_by_the_units_they_take() -> None:
    both = [model("copilot", replicas_expected=2), model("chat", replicas_expected=1)]
    shared = pool(per_node=3)
    assert cost([shared], both).usd_per_hour == pytest.approx(6.98 * 2 / 3, abs=1e-4)
    assert cost([shared], both, "chat").usd_per_hour == pytest.approx(6.98 / 3, abs=1e-4)


def test_nodes_that_exist_already_are_free_and_keep_their_list_price() -> None:
    made = cost([pool(existing=EXISTING)], [model(replicas_expected=2)])
    assert made.usd_per_hour == 0
    assert made.list_usd_per_hour == pytest.approx(2 * 6.98)
    assert made.at_traffic is not None
    assert made.at_traffic.output.value > 0


def test_without_a_price_there_is_no_price_a_token_but_a_utilization() -> None:
    made = cost([pool(usd_per_node_hour=None)], [model()])
    assert (made.usd_per_hour, made.at_traffic, made.at_full) == (None, None, None)
    assert made.utilization_expected is not None


def test_without_traffic_there_is_a_price_an_hour_only() -> None:
    made = cost([pool()], [model(traffic=None, speed=None)])
    assert made.usd_per_hour is not None
    assert (made.input_share, made.at_traffic, made.at_full, made.utilization_expected) == (None,) * 4


def test_the_hour_is_split_over_its_tokens_by_the_gpu_time_of_prefill_and_decode() -> None:
    """A replica completes 2 requests a second and reads each prompt for 0.1 s: a fifth of its time."""
    made = cost([pool()], [model(mean=3.0, replicas_expected=2)])
    assert made.input_share == pytest.approx(0.2)
    assert made.at_traffic is not None
    hour = 2 * 6.98
    per_million_input = 0.2 * hour / (3 * 3600 * 1200) * 1e6
    per_million_output = 0.8 * hour / (3 * 3600 * 300) * 1e6
    assert made.at_traffic.input.value == pytest.approx(per_million_input, abs=1e-4)
    assert made.at_traffic.output.value == pytest.approx(per_million_output, abs=1e-4)


def test_what_all_tokens_cost_is_what_the_nodes_cost() -> None:
    made = cost([pool()], [model(mean=3.0)])
    assert made.at_traffic is not None
    tokens = 3 * 3600 * (1200 * made.at_traffic.input.value + 300 * made.at_traffic.output.value) / 1e6
    assert tokens == pytest.approx(made.list_usd_per_hour, rel=1e-3)


def test_at_full_utilization_a_token_costs_what_a_replica_costs_over_what_it_completes() -> None:
    made = cost([pool(per_node=4)], [model(mean=0.2, replicas_expected=1)])
    assert made.at_full is not None
    assert made.at_traffic is not None
    assert made.at_full.output.value == pytest.approx(0.8 * 6.98 / 4 / (2 * 3600 * 300) * 1e6, abs=1e-4)
    # A tenth of the load on a node of which a quarter is used costs forty times as much.
    assert made.at_traffic.output.value == pytest.approx(40 * made.at_full.output.value, rel=1e-3)


def test_disaggregated_each_side_pays_for_its_own_gpus() -> None:
    pools = [pool("large"), pool("readers")]
    apart = model(replicas_expected=2, replicas_max=4, prefill=prefill(replicas_max=4))
    made = cost(pools, [apart])
    assert made.list_usd_per_hour == pytest.approx(4 * 6.98)
    assert made.input_share == pytest.approx(0.5)


def test_slower_replicas_than_predicted_cost_more_and_faster_ones_less() -> None:
    made = cost([pool(most=9)], [model(mean=7.0, replicas_expected=4, replicas_max=9)])
    for prices in (made.at_traffic, made.at_full):
        assert prices is not None
        assert prices.output.low <= prices.output.value <= prices.output.high
        assert prices.output.low < prices.output.high


def test_utilization_counts_idle_requests_and_empty_units() -> None:
    alone = cost([pool()], [model(mean=3.0, replicas_expected=2)]).utilization_expected
    half_empty = cost([pool(per_node=4)], [model(mean=3.0, replicas_expected=2)]).utilization_expected
    assert alone is not None
    assert half_empty is not None
    assert alone.value == pytest.approx(0.75)
    assert half_empty.value == pytest.approx(0.375)
    assert alone.low < alone.value < alone.high


def test_peak_utilization_is_of_all_replicas() -> None:
    found = cost([pool()], [model(peak=6.0, replicas_max=4)]).utilization_peak
    assert found is not None
    assert found.value == pytest.approx(6 / 8)


def told(where: PlannedPool, *models: PlannedModel) -> list[tuple[str, str]]:
    costs = model_costs([where], models, {each.name: READ_S for each in models})
    return [
        (finding.code, finding.remedy or "")
        for each in models[:1]
        for finding in utilization_findings(each.model_copy(update={"cost": costs[each.name]}), where)
    ]


def test_a_model_that_is_busy_more_than_half_of_the_time_is_no_matter() -> None:
    assert told(pool(), model(mean=2.0, replicas_expected=2)) == []
    assert told(pool(), model(mean=1.99, replicas_expected=2)) != []


def test_idle_requests_are_answered_with_less_hardware_or_more_work() -> None:
    ((code, remedy),) = told(pool(), model(mean=0.5, replicas_expected=1))
    assert code == "gpus-underused"
    assert "smaller slice" in remedy
    assert "replicas.min" not in remedy
    assert "stand empty" not in remedy


def test_replicas_kept_beyond_need_are_named() -> None:
    ((_, remedy),) = told(pool(), model(mean=1.0, replicas_min=4, replicas_expected=4))
    assert remedy == "replicas.min: 1, which the mean traffic needs"


def test_empty_units_are_named() -> None:
    ((_, remedy),) = told(pool(per_node=4), model(mean=1.8, replicas_expected=1))
    assert remedy.startswith("other models on the units of pool large that stand empty")


def test_a_model_nobody_asks_about_has_no_utilization_to_warn_of() -> None:
    assert told(pool(), model(traffic=None, speed=None)) == []


FOUR = ("legal", "hr", "finance", "engineering")


def test_four_deployments_against_one_base_with_four_adapters() -> None:
    saving = adapter_saving(model(adapters=FOUR, replicas_expected=1, replicas_max=2), pool())
    assert saving is not None
    assert saving.deployments == 4
    assert (saving.together_expected.replicas, saving.apart_expected.replicas) == (1, 4)
    assert (saving.together_peak.replicas, saving.apart_peak.replicas) == (2, 4)
    assert saving.apart_expected.usd_per_hour == pytest.approx(4 * 6.98)
    assert (saving.ratio_expected, saving.ratio_peak) == (4, 2)


def test_where_the_load_fills_many_replicas_anyway_adapters_save_little() -> None:
    """Here the rule does not hold: eight replicas are eight, together or apart."""
    saving = adapter_saving(model(adapters=FOUR, replicas_expected=8, replicas_max=8), pool())
    assert saving is not None
    assert saving.ratio_peak == 1


def test_separate_deployments_on_slices_need_more_slices_and_perhaps_no_more_nodes() -> None:
    saving = adapter_saving(model(adapters=FOUR[:2], replicas_expected=1), pool(per_node=3))
    assert saving is not None
    assert (saving.together_expected.nodes, saving.apart_expected.nodes) == (1, 1)
    assert saving.ratio_expected == 2


def test_each_separate_deployment_keeps_its_own_minimum() -> None:
    saving = adapter_saving(model(adapters=FOUR, replicas_min=2, replicas_expected=2), pool())
    assert saving is not None
    assert saving.apart_expected.replicas == 8


def test_one_adapter_or_none_is_compared_with_nothing() -> None:
    assert adapter_saving(model(adapters=()), pool()) is None
    assert adapter_saving(model(adapters=("legal",)), pool()) is None


def test_a_model_cost_is_the_same_json_both_ways() -> None:
    made = cost([pool()], [model(adapters=FOUR)])
    assert ModelCost.model_validate_json(made.model_dump_json()) == made


replicas = st.tuples(st.integers(1, 6), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
many = st.lists(st.tuples(replicas, st.sampled_from([1, 2, 4])), min_size=1, max_size=4)


@given(many, st.sampled_from([4, 8]))
def test_models_pay_for_all_nodes_that_they_fill_and_for_no_other(asked: list[Any], per_node: int) -> None:
    where = pool(per_node=per_node, most=99)
    models = [
        model(f"m{index}", replicas_expected=expected, replicas_max=most, units=units)
        for index, ((expected, most), units) in enumerate(asked)
    ]
    costs = model_costs([where], models, {})
    paid = sum(each.usd_per_hour or 0 for each in costs.values())
    assert paid == pytest.approx(expected_nodes([where], models)["large"] * 6.98, abs=1e-3)


@given(st.floats(0.1, 20), st.floats(0.1, 20))
def test_more_traffic_on_the_same_replicas_never_makes_a_token_dearer(one: float, other: float) -> None:
    def output(mean: float) -> float:
        asked = PlannedTraffic(requests_per_second=mean, prompt_tokens=1200, output_tokens=300)
        made = cost([pool(most=9)], [model(traffic=asked, replicas_expected=9, replicas_max=9)])
        assert made.at_traffic is not None
        return made.at_traffic.output.value

    less, more = sorted((one, other))
    assert output(more) <= output(less)
