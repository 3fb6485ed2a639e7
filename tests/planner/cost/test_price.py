from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.planner.bill import Price
from inference_stack.planner.price import price as price_of
from inference_stack.planner.price import price_findings
from inference_stack.spec import Environment, load

NC40 = "Standard_NC40ads_H100_v5"
NC80 = "Standard_NC80adis_H100_v5"
GB300 = "Standard_ND128isr_GB300_v6"
EXISTING = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers"
    "/Microsoft.ContainerService/managedClusters/old/agentPools/gpus"
)


def pool(name: str, sku: str, least: int = 0, most: int = 1, **more: Any) -> dict[str, Any]:
    reason = {"reason": "customers do not wait"} if least else {}
    return {"name": name, "sku": sku, "nodes": {"min": least, "max": most, **reason}, **more}


def environment(*pools: dict[str, Any], **changes: Any) -> Environment:
    asked: dict[str, Any] = {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "cluster": {
            "system": {"sku": "Standard_D4ds_v5", "nodes": {"min": 1, "max": 3}},
            "heads": {"sku": "Standard_D8ds_v5", "nodes": {"min": 0, "max": 2}},
        },
        "pools": list(pools),
        "models": [
            {
                "name": "copilot",
                "source": "Qwen/Qwen2.5-7B-Instruct",
                "context_tokens": 8192,
                "replicas": {"max": 1},
            }
        ],
    }
    return load(asked | changes, file="Pulumi.test.yaml")


def price(asked: Environment, expected: dict[str, int] | None = None, services: int = 1) -> Price:
    """The price of the listed pools, filled where nothing is said."""
    filled = {pool.name: pool.nodes.max for pool in asked.listed_pools} | (expected or {})
    return price_of(asked, CATALOG, asked.listed_pools, filled, services)


def test_idle_expected_and_peak_are_the_nodes_that_each_keeps() -> None:
    made = price(environment(pool("large", NC80, least=1, most=4)), expected={"large": 2})
    others = 0.226 + 0.452
    assert made.idle_usd_per_hour == pytest.approx(others + 17.64)
    assert made.expected_usd_per_hour == pytest.approx(others + 2 * 17.64)
    assert made.peak_usd_per_hour == pytest.approx(3 * 0.226 + 2 * 0.452 + 4 * 17.64)
    assert made.expected.gpu_usd_per_hour == pytest.approx(2 * 17.64)


def test_an_idle_environment_pays_for_no_gpu_but_for_the_heads_of_its_services() -> None:
    made = price(environment(pool("slices", NC40)))
    heads = next(line for line in made.pools if line.pool == "heads")
    assert made.idle.gpu_usd_per_hour == 0
    assert heads.nodes_idle == 1
    assert made.idle_usd_per_hour == pytest.approx(0.226 + 0.452)


def test_a_pool_that_exists_costs_nothing_more_and_shows_its_list_price_beside() -> None:
    existing = {**pool("old", NC40, most=2), "existing": EXISTING}
    made = price(environment(existing, pool("new", NC80)), expected={"old": 2, "new": 1})
    assert made.expected.gpu_usd_per_hour == pytest.approx(17.64)
    assert made.expected.existing_usd_per_hour == pytest.approx(2 * 6.98)


def test_a_size_without_a_price_is_left_out_and_named() -> None:
    made = price(environment(pool("new", GB300)))
    assert made.peak.gpu_usd_per_hour == 0
    assert made.unpriced == (GB300,)
    assert {finding.code for finding in price_findings(environment(pool("new", GB300)), made)} == {
        "price-unknown",
        "price-unverified",
    }


def test_a_price_that_nobody_confirmed_is_named() -> None:
    made = price(environment(pool("slices", NC40)))
    assert "Standard_D4ds_v5" in made.unverified
    assert NC40 not in made.unverified


def test_what_spot_or_a_reservation_would_cost_is_not_derived_where_no_price_is_known() -> None:
    made = price(environment(pool("new", GB300, least=1)))
    assert made.idle.spot_usd_per_hour is None
    assert made.idle.reserved_1y_usd_per_hour is None
    assert made.idle.reserved_3y_usd_per_hour is None


def test_spot_takes_the_place_of_the_list_price_of_gpu_nodes_where_somebody_saw_one() -> None:
    seen = CATALOG.skus[NC40].spot_usd_per_hour
    assert seen is not None
    made = price(environment(pool("slices", NC40, most=3)))
    assert made.peak.spot_usd_per_hour == pytest.approx(3 * 0.226 + 2 * 0.452 + 3 * seen)
    both = price(environment(pool("slices", NC40), pool("new", GB300)))
    assert both.peak.spot_usd_per_hour is None


def over(budget: float) -> list[str]:
    asked = environment(pool("large", NC80), budget={"usd_per_hour": budget})
    return [finding.code for finding in price_findings(asked, price(asked))]


def test_a_budget_below_the_peak_is_an_error_and_one_above_it_is_not() -> None:
    assert over(19.2) == ["over-budget", "price-unverified"]
    assert over(19.3) == ["price-unverified"]


def test_a_price_is_the_same_json_both_ways() -> None:
    made = price(environment(pool("large", NC80)))
    assert Price.model_validate_json(made.model_dump_json()) == made


nodes = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(*pair, 1)))
skus = st.sampled_from([sku.name for sku in Catalog().skus.values() if sku.gpu])


@given(st.lists(st.tuples(skus, nodes, st.integers(0, 9), st.booleans()), min_size=1, max_size=4))
def test_expected_lies_between_idle_and_peak_whatever_is_filled(asked: list[Any]) -> None:
    pools = [
        {**pool(f"p{index}", sku, *bounds), **({"existing": f"{EXISTING}{index}"} if existing else {})}
        for index, (sku, bounds, _, existing) in enumerate(asked)
    ]
    filled = {f"p{index}": count for index, (_, _, count, _) in enumerate(asked)}
    made = price(environment(*pools), expected=filled)
    for part in ("usd_per_hour", "gpu_usd_per_hour", "existing_usd_per_hour"):
        idle, expected, peak = (getattr(load, part) for load in (made.idle, made.expected, made.peak))
        assert 0 <= idle <= expected <= peak


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_price_is_monotone_in_the_nodes_that_are_filled(one: int, other: int) -> None:
    asked = environment(pool("large", NC80, least=1, most=6))
    less, more = (price(asked, expected={"large": count}) for count in sorted((one, other)))
    assert less.expected_usd_per_hour <= more.expected_usd_per_hour
    assert (less.idle, less.peak) == (more.idle, more.peak)
