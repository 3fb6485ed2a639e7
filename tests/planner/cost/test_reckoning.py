"""The figures of a whole plan."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner import ColdStart, Plan, plan_environment
from inference_stack.planner.startup import NOTHING
from inference_stack.spec import InvalidEnvironment

NC = "StandardNCadsH100v5Family"


def planned(requests_per_second: float = 3.0, peak: float | None = None, **changes: Any) -> Plan:
    model = {
        "name": "assistant",
        "source": "Qwen/Qwen3-32B",
        "workload": "customer-facing",
        "context_tokens": 16384,
        "traffic": {
            "requests_per_second": requests_per_second,
            "peak_requests_per_second": peak or 2 * requests_per_second,
            "prompt_tokens": 1500,
            "output_tokens": 300,
        },
        "slo": {"ttft_ms": 1500, "tpot_ms": 50},
        **changes.pop("model", {}),
    }
    asked = {"region": "swedencentral", "storage_account": "acmeweights", "models": [model], **changes}
    return plan_environment(asked, name="test", file="Pulumi.test.yaml")


def codes(plan: Plan) -> dict[str, str]:
    return {finding.code: finding.severity.value for finding in plan.findings}


def test_every_model_has_its_cost_and_its_cold_start() -> None:
    (model,) = planned().models
    assert model.cost is not None
    assert model.cost.at_traffic is not None
    assert model.cost.at_full is not None
    assert model.cost.at_full.output.value <= model.cost.at_traffic.output.value
    assert model.cold_start is not None
    assert model.cold_start.node.typical > 0


def start(engine: dict[str, Any], gpus: int) -> ColdStart:
    large = {"name": "large", "sku": "Standard_NC80adis_H100_v5", "nodes": {"max": 8}}
    pinned = {"placement": {"pool": "large", "gpus": gpus}, "precision": "bf16", "engine": engine}
    (model,) = planned(pools=[large], model=pinned).models
    assert model.cold_start is not None
    return model.cold_start


def test_weights_are_read_whole_over_however_many_gpus_they_are_dealt_out() -> None:
    parameters, gib_s = 32.8e9, CATALOG.startup["load"].typical
    assert start({}, 1).weights == start({}, 2).weights
    assert start({}, 2).weights.typical == pytest.approx(2 * parameters / 2**30 / gib_s, rel=0.02)


def test_graphs_are_captured_unless_the_engine_is_told_not_to() -> None:
    assert start({"enforce_eager": True}, 2).graphs == NOTHING
    assert start({}, 2).graphs.typical > 1


def test_the_expected_price_is_what_its_models_cost_and_what_runs_beside_them() -> None:
    made = planned()
    (model,) = made.models
    assert model.cost is not None
    assert made.price.expected.gpu_usd_per_hour == pytest.approx(model.cost.usd_per_hour, abs=1e-3)
    assert made.price.idle_usd_per_hour < made.price.expected_usd_per_hour < made.price.peak_usd_per_hour


def test_the_plan_counts_the_quota_of_the_nodes_that_it_shows() -> None:
    made = planned()
    use = next(use for use in made.quota if use.family == NC)
    assert use.gpus_peak == sum(pool.nodes_used * pool.accelerator.per_node for pool in made.pools)


def test_customers_of_a_model_that_goes_to_zero_are_warned_of_and_those_of_one_that_stays_are_not() -> None:
    assert codes(planned())["cold-start-exceeds-slo"] == "warning"
    assert "cold-start-exceeds-slo" not in codes(planned(model={"replicas": {"min": 1, "max": 20}}))


def test_gpus_that_idle_most_of_the_time_are_warned_of_and_busy_ones_are_not() -> None:
    assert codes(planned(0.2))["gpus-underused"] == "warning"
    assert "gpus-underused" not in codes(planned(30.0, 30.0))


def test_quota_for_the_peak_that_is_short_for_an_upgrade_is_a_warning() -> None:
    need = next(use for use in planned().quota if use.family == NC)
    assert codes(planned(quota={NC: need.vcpus_peak}))["quota-short-while-upgrading"] == "warning"
    assert "quota-short-while-upgrading" not in codes(planned(quota={NC: need.vcpus_upgrading}))


def test_quota_of_the_region_below_the_peak_forbids_the_plan() -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(quota={"cores": 40})
    assert [(finding.code, finding.path) for finding in raised.value.findings] == [
        ("quota-exceeded", 'quota["cores"]')
    ]


def test_more_services_than_heads_find_room_for_forbid_the_plan() -> None:
    heads = {"heads": {"sku": "Standard_D2ds_v5", "nodes": {"min": 0, "max": 2}}}
    with pytest.raises(InvalidEnvironment) as raised:
        planned(cluster=heads)
    assert [finding.code for finding in raised.value.findings] == ["head-too-large"]


load = st.floats(0.1, 40)


@settings(max_examples=15)
@given(load, load)
def test_the_price_at_peak_is_monotone_in_load(one: float, other: float) -> None:
    less, more = (planned(requests).price for requests in sorted((one, other)))
    assert less.peak_usd_per_hour <= more.peak_usd_per_hour + 1e-6


@settings(max_examples=15)
@given(load, st.floats(1, 5))
def test_expected_lies_between_idle_and_peak_of_every_plan(mean: float, times: float) -> None:
    made = planned(mean, mean * times).price
    assert made.idle_usd_per_hour <= made.expected_usd_per_hour <= made.peak_usd_per_hour
