import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.planner import PlannedModel
from inference_stack.planner.occupancy import Part, at_mean_traffic, held, nodes_filled
from tests.planner.cost.parts import model, pool, prefill

COPILOT, CHAT = Part("copilot", "serve"), Part("chat", "serve")


def test_narrow_replicas_fill_what_wide_ones_leave() -> None:
    both = [model("copilot", replicas_max=3), model("chat", units=4, replicas_max=1)]
    assert nodes_filled(pool(per_node=8), both) == 1


def test_halves_of_a_gpu_lie_on_one_and_three_quarters_do_not() -> None:
    assert nodes_filled(pool(), [model(share=0.5, replicas_max=2)]) == 1
    assert nodes_filled(pool(), [model(share=0.75, replicas_max=2)]) == 2


def test_a_model_elsewhere_fills_no_node() -> None:
    assert nodes_filled(pool(), [model(pool="other")]) == 0
    assert held(pool(), [model(pool="other")]) == {}


def test_empty_units_fall_to_those_who_share_the_node() -> None:
    found = held(pool(per_node=4), [model("copilot", replicas_max=2), model("chat", replicas_max=1)])
    assert found[COPILOT].units == 2
    assert found[COPILOT].nodes == pytest.approx(2 / 3)
    assert found[CHAT].nodes == pytest.approx(1 / 3)


def test_nodes_that_a_pool_keeps_beyond_need_fall_to_its_models_too() -> None:
    found = held(pool(least=4), [model(replicas_max=2)])
    assert found[COPILOT].units == 2
    assert found[COPILOT].nodes == pytest.approx(4)


def test_prefill_replicas_are_kept_in_step_with_those_that_answer() -> None:
    apart = model(replicas_expected=1, replicas_max=4, prefill=prefill(replicas_max=6))
    readers = pool("readers")
    assert nodes_filled(readers, at_mean_traffic([apart])) == 2
    assert nodes_filled(readers, [apart]) == 6


asked = st.lists(
    st.builds(
        lambda units, replicas: model(f"m{units}", units=units, replicas_expected=1, replicas_max=replicas),
        st.sampled_from([1, 2, 4, 8]),
        st.integers(1, 5),
    ),
    max_size=5,
)


@given(asked)
def test_the_nodes_that_models_stand_for_are_the_nodes_that_they_fill(models: list[PlannedModel]) -> None:
    found = held(pool(per_node=8), models).values()
    assert sum(part.nodes for part in found) == pytest.approx(nodes_filled(pool(per_node=8), models))
    assert sum(part.units for part in found) == sum(each.units * each.replicas_max for each in models)


@given(asked, asked)
def test_more_replicas_never_fill_fewer_nodes(models: list[PlannedModel], more: list[PlannedModel]) -> None:
    where = pool(per_node=8)
    assert nodes_filled(where, models) <= nodes_filled(where, [*models, *more])
    assert nodes_filled(where, at_mean_traffic(models)) <= nodes_filled(where, models)
