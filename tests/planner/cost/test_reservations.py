"""Nodes that Azure keeps ready: paid for once, whether they are used or not."""

from typing import Any

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan
from inference_stack.spec import InvalidEnvironment, Severity
from tests.planner.choice.asking import NC40, NC80, ND_H100, asking, planned

GROUP = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers"
    "/Microsoft.Compute/capacityReservationGroups/kept"
)
RATE = 6.98
Asked = dict[str, Any]


def reserved(nodes: int, sku: str = NC40) -> list[Asked]:
    return [{"group": GROUP, "sku": sku, "nodes": nodes}]


def pool(name: str, most: int, sku: str = NC40, **more: Any) -> Asked:
    return {"name": name, "sku": sku, "nodes": {"max": most}, **more}


def pinned(name: str, **more: Any) -> Asked:
    return asking(placement={"pool": name}, **more)


def gpu_usd(plan: Plan) -> tuple[float, float, float]:
    price = plan.price
    return tuple(each.gpu_usd_per_hour for each in (price.idle, price.expected, price.peak))  # type: ignore[return-value]


def codes(plan: Plan) -> dict[str, str]:
    return {found.code: found.what for found in plan.findings}


def test_reserved_nodes_are_paid_for_while_nobody_asks_and_never_twice() -> None:
    pools = [pool("a", 2), pool("b", 2)]
    models = [pinned("a", rate=0.2), pinned("b", rate=0.2)]
    assert gpu_usd(planned(*models, pools=pools)) == pytest.approx((0, 2 * RATE, 4 * RATE))
    for nodes, paid in ((1, (1, 2, 4)), (2, (2, 2, 4)), (3, (3, 3, 4)), (6, (6, 6, 6))):
        plan = planned(*models, pools=pools, capacity_reservations=reserved(nodes))
        assert gpu_usd(plan) == pytest.approx(tuple(count * RATE for count in paid))


def test_pools_of_the_size_take_them_but_neither_spot_nor_what_exists_nor_another_size() -> None:
    old = GROUP.replace("Compute/capacityReservationGroups/kept", "ContainerService/managedClusters/x")
    pools = [
        pool("mine", 1),
        pool("spot", 1, priority="Spot"),
        pool("old", 1, existing=f"{old}/agentPools/old"),
        pool("wide", 1, NC80),
    ]
    plan = planned(pinned("mine"), pools=pools, capacity_reservations=reserved(3))
    found = {each.name: (each.capacity_reservation, each.nodes_reserved) for each in plan.pools}
    assert found.pop("mine") == (GROUP, 3)
    assert set(found.values()) == {(None, 0)}


def test_a_pool_that_the_plan_makes_takes_them_unless_it_is_spot() -> None:
    (made,) = planned(asking(), capacity_reservations=reserved(1)).pools
    assert (made.sku, made.capacity_reservation) == (NC40, GROUP)
    with pytest.raises(InvalidEnvironment):  # the spec says so before: reserved for nobody
        planned(asking(), capacity_reservations=reserved(1), spot=True)


def test_what_is_paid_for_anyway_is_taken_before_what_is_cheaper_by_list_price() -> None:
    (cheap,) = planned(asking()).pools
    assert cheap.sku == NC40
    plan = planned(asking(), capacity_reservations=reserved(1, ND_H100))
    (made,) = plan.pools
    assert made.sku == ND_H100
    assert plan.price.peak.gpu_usd_per_hour == CATALOG.skus[ND_H100].usd_per_hour


def test_what_another_place_would_cost_more_leaves_the_reserved_nodes_paid_for() -> None:
    elsewhere = planned(asking(), capacity_reservations=reserved(1, ND_H100)).models[0].runner_up
    assert elsewhere is not None
    assert elsewhere.more_usd_per_hour == pytest.approx(0 if elsewhere.sku == ND_H100 else RATE)


def test_beyond_what_is_reserved_the_list_price_decides() -> None:
    many = [asking("Qwen/Qwen3-32B", rate=40) for _ in range(3)]
    plan = planned(*many, capacity_reservations=reserved(1, ND_H100))
    nodes = {pool.sku: pool.nodes_used for pool in plan.pools}
    assert nodes[ND_H100] == 1
    assert nodes.keys() - {ND_H100}


def test_a_reservation_below_or_above_the_peak_is_noted_and_one_that_is_right_is_not() -> None:
    pools, model = [pool("a", 9)], pinned("a", rate=60)
    used = planned(model, pools=pools).pools[0].nodes_used
    assert used > 1
    few = codes(planned(model, pools=pools, capacity_reservations=reserved(used - 1)))
    assert f"the {used} nodes" in few["reservation-exceeded"]
    many = planned(model, pools=pools, capacity_reservations=reserved(used + 1))
    assert "reservation-idle" in codes(many)
    assert {each.severity for each in many.findings if each.code == "reservation-idle"} == {Severity.NOTE}
    right = codes(planned(model, pools=pools, capacity_reservations=reserved(used)))
    assert not {"reservation-idle", "reservation-exceeded"} & right.keys()


def test_reserved_nodes_take_quota_also_while_nobody_has_them() -> None:
    family = CATALOG.skus[NC40].quota_family
    asked: Asked = {"pools": [pool("a", 1)], "capacity_reservations": reserved(3)}
    use = {each.family: each for each in planned(pinned("a"), **asked).quota}
    assert use[family].vcpus_peak == 3 * CATALOG.skus[NC40].vcpu
    with pytest.raises(InvalidEnvironment, match="quota"):
        planned(pinned("a"), **asked, quota={family: 2 * CATALOG.skus[NC40].vcpu})


def test_idle_reserved_nodes_stand_in_a_line_of_their_own() -> None:
    plan = planned(pinned("a", rate=0.2), pools=[pool("a", 2)], capacity_reservations=reserved(3))
    (line,) = [each for each in plan.price.pools if each.pool == f"reserved {NC40}"]
    assert (line.nodes_idle, line.nodes_expected, line.nodes_peak) == (3, 2, 1)


@pytest.mark.parametrize(
    ("sku", "code"), [("Standard_NC41ads", "unknown-sku"), ("Standard_D4ds_v5", "cpu-for-gpu-pool")]
)
def test_only_a_gpu_size_of_the_catalog_is_reserved(sku: str, code: str) -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(asking(), capacity_reservations=reserved(1, sku))
    assert [(each.path, each.code) for each in raised.value.findings] == [
        ("capacity_reservations[0].sku", code)
    ]
