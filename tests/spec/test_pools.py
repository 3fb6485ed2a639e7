"""GPU pools and reservations of their nodes: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.spec import environment_findings, parse
from tests.spec.changing import changed

Asked = dict[str, Any]
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/gpus/providers"
EXISTING = f"{SUBSCRIPTION}/Microsoft.ContainerService/managedClusters/old/agentPools/a100"
GROUP = f"{SUBSCRIPTION}/Microsoft.Compute/capacityReservationGroups/gpus"
NC40, NC80 = "Standard_NC40ads_H100_v5", "Standard_NC80adis_H100_v5"


def told(asked: Asked, **changes: Any) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, changes))
    return [(found.path, found.code) for found in (*faults, *environment_findings(environment))]


def with_pool(asked: Asked, **changes: Any) -> list[tuple[str, str]]:
    asked["pools"][0] |= changes
    asked["models"][0]["placement"]["pool"] = asked["pools"][0]["name"]
    return told(asked)


@pytest.mark.parametrize("name", ["system", "heads"])
def test_a_gpu_pool_has_no_name_of_the_pools_that_run_no_model(asked: Asked, name: str) -> None:
    assert with_pool(asked, name=f"{name[:4]}s2") == []
    assert with_pool(asked, name=name) == [("pools[0].name", "pool-name-taken")]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"existing": EXISTING, "taints": ["team=search:NoSchedule", "team=search:NoExecute"]}, []),
        ({"taints": ["team=search:NoSchedule"]}, [("pools[0].taints", "taints-without-existing")]),
        (
            {"existing": EXISTING, "taints": ["team=search:NoSchedule", "team=ads:NoSchedule"]},
            [("pools[0].taints[1]", "duplicate-entry")],
        ),
        ({"zones": ["1", "2"]}, []),
        ({"zones": ["1", "1"]}, [("pools[0].zones[1]", "duplicate-entry")]),
        ({"existing": EXISTING, "zones": ["1"]}, [("pools[0].zones", "existing-pool-setting")]),
        (
            {"existing": EXISTING, "spot_max_price": 1.5},
            [("pools[0].spot_max_price", "existing-pool-setting")],
        ),
    ],
)
def test_what_a_pool_that_exists_has_already_is_not_said_of_one_that_is_made(
    asked: Asked, changes: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert with_pool(asked, **changes) == wrong


def test_a_fault_in_a_pool_does_not_make_its_defaults_the_users_own(asked: Asked) -> None:
    asked["pools"][0] |= {"existing": EXISTING, "nodes": {"max": "many"}}
    assert told(asked) == [("pools[0].nodes.max", "wrong-type")]


def test_a_pool_that_exists_is_listed_once(asked: Asked) -> None:
    asked["pools"][0]["existing"] = EXISTING
    other = asked["pools"][0] | {"name": "other", "existing": EXISTING[:-1] + "1"}
    assert told(asked | {"pools": [asked["pools"][0], other]}) == []
    other["existing"] = EXISTING.replace("resourceGroups", "resourcegroups")
    assert told(asked | {"pools": [asked["pools"][0], other]}) == [("pools[1].existing", "duplicate-entry")]


def test_a_cluster_has_100_pools_two_of_them_its_own_and_those_of_other_clusters_do_not_count(
    asked: Asked,
) -> None:
    asked["network"] = {"pods": "10.128.0.0/9"}
    pool = asked["pools"][0] | {"nodes": {"max": 1}}
    asked["pools"] = [pool | {"name": f"p{number}"} for number in range(98)]
    asked["pools"].append(pool | {"name": "there", "existing": EXISTING})
    asked["models"][0]["placement"]["pool"] = "there"
    assert told(asked) == []
    asked["pools"].append(pool | {"name": "p98"})
    assert told(asked) == [("pools", "too-many")]


@pytest.mark.parametrize(
    ("sku", "changes", "wrong"),
    [
        (NC40, {}, []),
        (NC40.upper(), {}, []),
        (NC80, {}, ["reservation-unused"]),
        (NC80, {"new_pools": True}, []),
        (NC80, {"new_pools": True, "spot": True}, ["reservation-unused"]),
        (NC40, {"pools[0].priority": "Spot"}, ["reservation-unused"]),
        (NC40, {"pools[0].existing": EXISTING}, ["reservation-unused"]),
        (
            NC40,
            {"pools[0].priority": "Spot", "pools[1]": {"name": "more", "sku": NC40, "nodes": {"max": 1}}},
            [],
        ),
    ],
)
def test_a_reservation_is_of_a_size_that_a_regular_pool_of_this_cluster_takes(
    asked: Asked, sku: str, changes: Asked, wrong: list[str]
) -> None:
    reserved = {"capacity_reservations": [{"group": GROUP, "sku": sku, "nodes": 1}]}
    found = told(asked, **changes, **reserved)
    assert found == [("capacity_reservations[0].sku", code) for code in wrong]


def test_a_size_is_reserved_in_one_group(asked: Asked) -> None:
    one = {"group": GROUP, "sku": NC40, "nodes": 1}
    asked["pools"].append({"name": "large", "sku": NC80, "nodes": {"max": 1}})
    assert told(asked, capacity_reservations=[one, one | {"sku": NC80}]) == []
    assert told(asked, capacity_reservations=[one, one | {"group": GROUP + "2"}]) == [
        ("capacity_reservations[1].sku", "duplicate-entry")
    ]
