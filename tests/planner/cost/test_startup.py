from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner.startup import (
    LEAST_BUDGET_S,
    NOTHING,
    ColdStart,
    cold_start,
    cold_start_findings,
)
from inference_stack.spec import Slo

GIB = st.floats(0.5, 1500, allow_nan=False)


def start(**changes: Any) -> ColdStart:
    case: dict[str, Any] = {"checkpoint_gib": 15, "network_gb_s": 5, "graphs": 35, "node_kept": False}
    return cold_start(CATALOG.startup, **case | changes)


def test_a_small_model_on_no_node_takes_about_ten_minutes_most_of_it_for_the_node() -> None:
    made = start()
    assert 400 < made.total.low < 600 < made.total.typical < 900 < made.total.high
    assert made.node.typical > made.total.typical / 2


def test_a_kept_node_saves_the_wait_for_the_node_and_its_image_and_nothing_else() -> None:
    kept = start(node_kept=True)
    assert (kept.node, kept.image) == (NOTHING, NOTHING)
    assert kept.process == start().process
    assert kept.total == kept.process


def test_an_eager_engine_captures_no_graph() -> None:
    assert start(graphs=0).graphs == NOTHING
    assert start(graphs=102).graphs.typical > start(graphs=35).graphs.typical > 0


def test_weights_come_no_faster_than_the_network_card_carries() -> None:
    card_gib_s = 0.25e9 / 2**30
    slow = start(checkpoint_gib=100, network_gb_s=0.25)
    assert slow.weights.low == pytest.approx(100 / card_gib_s, rel=1e-3)
    assert slow.weights.low == slow.weights.typical < slow.weights.high


def test_a_card_faster_than_the_loader_or_unknown_leaves_the_loader_to_decide() -> None:
    assert start(network_gb_s=20).weights == start(network_gb_s=None).weights


def test_a_small_model_may_take_as_long_as_rays_own_tests_wait_and_a_huge_one_longer_than_vllm_would() -> (
    None
):
    assert start().start_budget_s == LEAST_BUDGET_S
    assert start(checkpoint_gib=640).start_budget_s > 3600


@given(GIB, st.integers(0, 150), st.booleans())
def test_the_budget_outlasts_the_slowest_start_and_every_step_is_in_order(
    gib: float, graphs: int, kept: bool
) -> None:
    made = start(checkpoint_gib=gib, graphs=graphs, node_kept=kept)
    assert made.start_budget_s >= made.process.high
    for part in (made.node, made.image, made.weights, made.engine, made.graphs, made.total):
        assert 0 <= part.low <= part.typical <= part.high


@given(GIB, GIB)
def test_more_weights_never_start_sooner(one: float, other: float) -> None:
    small, large = (start(checkpoint_gib=gib) for gib in sorted((one, other)))
    assert small.total.typical <= large.total.typical
    assert small.start_budget_s <= large.start_budget_s


def test_each_step_says_where_its_figures_come_from() -> None:
    assert start().sources.keys() == {"node", "image", "weights", "engine", "graphs"}
    assert all(start().sources.values())


def test_a_start_is_the_same_json_both_ways() -> None:
    assert ColdStart.model_validate_json(start().model_dump_json()) == start()


def told(made: ColdStart, **changes: Any) -> list[str]:
    case: dict[str, Any] = {
        "workload": "customer-facing",
        "slo": Slo(ttft_ms=800, tpot_ms=40),
        "replicas_min": 0,
    }
    return [finding.code for finding in cold_start_findings(made, **case | changes)]


def test_customers_of_a_model_that_goes_to_zero_are_warned_about() -> None:
    assert told(start()) == ["cold-start-exceeds-slo"]
    (finding,) = cold_start_findings(
        start(), workload="customer-facing", slo=Slo(ttft_ms=800, tpot_ms=40), replicas_min=0
    )
    assert "a node 480 s" in finding.what
    assert finding.remedy is not None
    assert "nodes.min: 1" in finding.remedy


def test_nobody_is_warned_where_a_replica_stays_or_colleagues_wait_or_nobody_says_how_fast() -> None:
    assert told(start(), replicas_min=1) == []
    assert told(start(), workload="internal-copilots") == []
    assert told(start(), slo=None) == []


def test_an_slo_that_the_cold_start_misses_by_little_is_no_matter() -> None:
    made = start(node_kept=True)
    allowed_ms = made.total.typical * 1000 / 10
    assert told(made, slo=Slo(ttft_ms=allowed_ms + 1, tpot_ms=40)) == []
    assert told(made, slo=Slo(ttft_ms=allowed_ms - 1, tpot_ms=40)) == ["cold-start-exceeds-slo"]
