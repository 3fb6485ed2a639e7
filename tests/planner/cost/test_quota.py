from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner import PlannedModel, PlannedPool, QuotaUse
from inference_stack.planner.quota import quota_findings, quota_use
from inference_stack.spec import Priority
from tests.planner.cost.parts import EXISTING, NC80, environment, model, pool
from tests.planner.cost.test_reservations import reserved

NC = "StandardNCadsH100v5Family"
CPU = "standardDDSv5Family"
CORES, SPOT = "cores", "lowPriorityCores"


def used(pools: Sequence[PlannedPool], models: Sequence[PlannedModel], **asked: Any) -> dict[str, QuotaUse]:
    found = quota_use(environment(**asked), pools, models, CATALOG)
    return {use.family: use for use in found}


def told(quota: dict[str, int], *models: PlannedModel, where: PlannedPool | None = None) -> list[str]:
    asked = environment(quota=quota)
    found = quota_use(asked, [where or pool()], models, CATALOG)
    return [f"{finding.severity.value} {finding.code}" for finding in quota_findings(asked, found, CATALOG)]


def test_a_family_counts_the_nodes_that_its_models_fill_not_those_that_the_pool_may_have() -> None:
    use = used([pool(most=9)], [model(replicas_max=4)])[NC]
    assert (use.vcpus_peak, use.gpus_peak) == (4 * 40, 4)


def test_nodes_that_are_kept_count_whether_they_are_used_or_not() -> None:
    assert used([pool(least=6, most=9)], [model(replicas_max=4)])[NC].vcpus_peak == 6 * 40


def test_sizes_of_one_family_count_together_and_all_of_them_in_the_region() -> None:
    found = used(
        [pool(), pool("pairs", NC80, per_node=2)],
        [model(replicas_max=1), model("chat", "pairs", units=2, replicas_max=1)],
    )
    assert (found[NC].vcpus_peak, found[NC].gpus_peak) == (40 + 80, 3)
    assert found[CPU].vcpus_peak == 3 * 4 + 2 * 8
    assert found[CORES].vcpus_peak == 120 + 28


def test_spot_nodes_count_as_spot_and_nowhere_else() -> None:
    found = used([pool(priority=Priority.SPOT)], [model(replicas_max=4)])
    assert found[SPOT].vcpus_peak == 160
    assert NC not in found
    assert found[CORES].vcpus_peak == 28


def test_nodes_that_exist_hold_their_quota_already() -> None:
    assert used([pool(existing=EXISTING)], [model(replicas_max=4)])[NC].vcpus_upgrading == 0


def test_aks_adds_a_node_to_each_pool_while_it_upgrades_but_to_no_spot_pool() -> None:
    found = used([pool(), pool("two", NC80, per_node=2)], [model(replicas_max=2)])
    assert found[NC].vcpus_node_upgrade == found[NC].vcpus_peak + 40 + 80
    assert found[CPU].vcpus_node_upgrade == found[CPU].vcpus_peak + 4 + 8
    spot = used([pool(priority=Priority.SPOT)], [model(replicas_max=2)])
    assert spot[SPOT].vcpus_node_upgrade == spot[SPOT].vcpus_peak
    assert spot[CORES].vcpus_node_upgrade == spot[CORES].vcpus_peak + 4 + 8


def test_a_service_stands_twice_while_it_is_upgraded_and_only_the_largest_counts() -> None:
    found = used([pool(most=9)], [model("copilot", replicas_max=3), model("chat", replicas_max=1)])[NC]
    assert found.vcpus_peak == 4 * 40
    assert found.vcpus_service_upgrade == (4 + 3) * 40
    assert found.gpus_upgrading == 7


def test_room_on_nodes_that_are_there_serves_an_upgrade_too() -> None:
    half_empty = used([pool(per_node=8)], [model(replicas_max=4)])[NC]
    assert half_empty.vcpus_service_upgrade == half_empty.vcpus_peak


@pytest.mark.parametrize("name", [NC, "standardncadsh100v5family", "Standard NCads H100 v5 Family"])
def test_a_family_is_the_same_in_any_case_and_with_spaces(name: str) -> None:
    assert told({name: 159}, model(replicas_max=4)) == ["error quota-exceeded"]


def test_quota_below_the_peak_is_an_error_below_an_upgrade_a_warning_and_above_it_nothing() -> None:
    served = model(replicas_max=4)
    assert told({NC: 159}, served) == ["error quota-exceeded"]
    assert told({NC: 160}, served) == ["warning quota-short-while-upgrading"]
    assert told({NC: 319}, served) == ["warning quota-short-while-upgrading"]
    assert told({NC: 320}, served) == []


def test_the_region_and_spot_have_quotas_of_their_own() -> None:
    served = model(replicas_max=4)
    assert told({CORES: 187}, served) == ["error quota-exceeded"]
    spot = pool(priority=Priority.SPOT)
    assert told({CORES: 400, SPOT: 159}, served, where=spot) == ["error quota-exceeded"]


def test_what_is_short_while_upgrading_says_by_how_much_and_what_to_do() -> None:
    asked = environment(quota={NC: 200})
    found = quota_use(asked, [pool()], [model(replicas_max=4)], CATALOG)
    (finding,) = quota_findings(asked, found, CATALOG)
    assert finding.path == f'quota["{NC}"]'
    assert "320 vCPUs while a service is upgraded beside itself" in finding.what
    assert finding.remedy is not None
    assert "120 vCPUs more" in finding.remedy
    assert "upgrade: None" in finding.remedy


def test_a_family_that_no_size_belongs_to_is_told() -> None:
    assert told({"standardBSFamily": 10}, model()) == ["note quota-family-unknown"]


def test_a_service_that_is_never_upgraded_beside_itself_takes_no_quota_for_that() -> None:
    waits = model(replicas_max=4, upgrade="None")
    use = used([pool()], [waits])[NC]
    assert use.vcpus_service_upgrade == use.vcpus_peak
    assert used([pool()], [model(replicas_max=4)])[NC].vcpus_service_upgrade == 2 * use.vcpus_peak


def test_reserved_nodes_that_stand_idle_serve_an_upgrade_too() -> None:
    for nodes, twice in ((1, 2 * 40), (2, 2 * 40), (3, 3 * 40)):
        use = used([pool()], [model(replicas_max=1)], capacity_reservations=reserved(nodes))[NC]
        assert (use.vcpus_peak, use.vcpus_service_upgrade) == (nodes * 40, twice)


def test_a_use_is_the_same_json_both_ways() -> None:
    use = used([pool()], [model()])[NC]
    assert QuotaUse.model_validate_json(use.model_dump_json()) == use


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([1, 2])), min_size=1, max_size=4))
def test_an_upgrade_never_needs_less_than_the_peak_and_never_more_than_twice_of_gpu_nodes(
    asked: list[tuple[int, int]],
) -> None:
    models = [
        model(f"m{index}", units=units, replicas_max=replicas)
        for index, (replicas, units) in enumerate(asked)
    ]
    use = used([pool(sku=NC80, per_node=2, most=99)], models)[NC]
    assert use.vcpus_peak <= use.vcpus_service_upgrade <= 2 * use.vcpus_peak
    assert use.gpus_peak <= use.gpus_upgrading
