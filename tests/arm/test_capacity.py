"""Where a size is offered, in which zones, and what happens where Azure has run out of it."""

from typing import Any, get_args

import pytest

from localcloud.arm.capacity import Lack, offers, restock, room, run_out
from localcloud.arm.refusal import refusals
from localcloud.arm.vm_sizes import vm_size
from localcloud.arm.wire import decode
from tests.arm.engine import (
    CLUSTER,
    CLUSTER_INPUTS,
    GPU_POOL,
    POOL,
    Engine,
    Inputs,
    Made,
    RefusedError,
)

GB200 = "Standard_ND128isr_NDR_GB200_v6"
H100 = "Standard_NC40ads_H100_v5"


def cluster_in(engine: Engine, region: str) -> Made:
    return engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, "location": region})


def create(engine: Engine, **changes: Any) -> Made:
    inputs = {**GPU_POOL, **changes}
    return engine.create(POOL, "h100", {name: value for name, value in inputs.items() if value is not None})


def test_every_row_of_the_table_is_a_size_in_some_regions() -> None:
    for size, offer in offers().items():
        assert vm_size(size) is not None
        assert offer.regions


@pytest.mark.parametrize(("region", "offered"), [("westeurope", False), ("West US 3", True)])
def test_a_size_is_offered_in_its_regions_alone(
    engine: Engine, group: Made, region: str, offered: bool
) -> None:
    cluster_in(engine, region)
    rack: Inputs = {"vmSize": GB200, "gpuInstanceProfile": None}

    if offered:
        create(engine, **rack)
    else:
        message = (
            f"Virtual Machine size: '{GB200}' is not supported for subscription .* in location 'westeurope'"
        )
        with pytest.raises(RefusedError, match=f'Code="VMSizeNotSupported".*{message}') as error:
            create(engine, **rack)
        assert GB200 not in str(error.value).partition("available VM sizes")[2]


@pytest.mark.parametrize(
    ("region", "zones", "supported"),
    [("westeurope", ["1", "3"], None), ("westeurope", ["1", "4"], "'1', '2', '3'"), ("westus", ["1"], "")],
)
def test_a_region_has_the_zones_it_has(
    engine: Engine, group: Made, region: str, zones: list[str], supported: str | None
) -> None:
    cluster_in(engine, region)

    if supported is None:
        create(engine, availabilityZones=zones)
    else:
        with pytest.raises(RefusedError, match='Status=400 Code="AvailabilityZoneNotSupported"') as error:
            create(engine, availabilityZones=zones)
        assert f"The zone(s) '{zones[-1]}' for resource 'h100' is not supported." in str(error.value)
        assert f"The supported zones for location '{region}' are {supported}" in str(error.value)


def test_a_size_that_a_subscription_may_not_have_is_refused_at_the_put(engine: Engine, cluster: Made) -> None:
    with engine.store() as store:
        run_out(store, H100, lack="SkuNotAvailable")

    with pytest.raises(
        RefusedError, match=r'Status=400 Code="SkuNotAvailable".*currently not available in'
    ) as error:
        create(engine)
    assert error.value.half_made is None

    with engine.store() as store:
        restock(store, H100)
    create(engine)


@pytest.mark.parametrize("lack", sorted(set(get_args(Lack)) - {"SkuNotAvailable"}))
def test_capacity_that_has_run_out_is_told_after_acceptance_and_the_next_put_repairs_it(
    engine: Engine, cluster: Made, lack: Lack
) -> None:
    with engine.store() as store:
        run_out(store, H100.lower(), lack=lack)

    with pytest.raises(RefusedError, match=f'^Code="{lack}"') as error:
        create(engine, count=1)

    half = error.value.half_made
    assert refusals()[lack].message in str(error.value)
    assert decode(half.properties)["provisioningState"] == "Failed"
    made = Made(POOL, "h100", half.id, decode(half.inputs), decode(half.properties))
    with pytest.raises(RefusedError, match=lack):
        engine.update(made, {})
    with engine.store() as store:
        restock(store, H100)
    assert engine.update(made, {}).outputs["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 0},
        {"count": 1, "vmSize": "Standard_NC80adis_H100_v5"},
        {"count": 2, "availabilityZones": ["1", "2"]},
    ],
)
def test_what_needs_none_of_it_is_made(engine: Engine, cluster: Made, changes: Inputs) -> None:
    with engine.store() as store:
        run_out(store, H100, zone="3", lack="ZonalAllocationFailed")
        if "availabilityZones" not in changes:
            run_out(store, H100)

    assert create(engine, **changes).outputs["provisioningState"] == "Succeeded"


def test_nodes_go_round_the_zones(engine: Engine, cluster: Made) -> None:
    with engine.store() as store:
        run_out(store, H100, zone="2", lack="ZonalAllocationFailed")
    made = create(engine, count=1, availabilityZones=["1", "2"])

    with pytest.raises(RefusedError, match="ZonalAllocationFailed"):
        engine.update(made, {"minCount": 2})


def test_a_reservation_is_there_whatever_has_run_out(engine: Engine, cluster: Made) -> None:
    path = {"resourceGroupName": "rg", "capacityReservationGroupName": "kept"}
    kept = engine.create("azure-native:compute:CapacityReservationGroup", "kept", path)
    with engine.store() as store:
        run_out(store, H100)

    assert create(engine, count=1, capacityReservationGroupID=kept.id).outputs["count"] == 1


def test_a_cluster_without_capacity_for_its_system_pool_fails_with_it(engine: Engine, group: Made) -> None:
    with engine.store() as store:
        run_out(store, "Standard_D4ds_v5")

    with pytest.raises(RefusedError, match="AllocationFailed") as error:
        engine.create(CLUSTER, "aks", CLUSTER_INPUTS)

    half = decode(error.value.half_made.properties)
    assert half["provisioningState"] == half["agentPoolProfiles"][0]["provisioningState"] == "Failed"


def test_the_autoscaler_gets_what_is_left(engine: Engine, cluster: Made) -> None:
    made = create(engine, count=1, availabilityZones=["1", "2"])
    with engine.store() as store:
        assert room(store, made.id, 3) == (3, None)
        run_out(store, H100, zone="1", lack="ZonalAllocationFailed")

        granted, error = room(store, made.id, 3)

    assert granted == 1
    assert error is not None
    assert error.code == "ZonalAllocationFailed"
