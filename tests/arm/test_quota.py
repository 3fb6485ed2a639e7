"""Quota by family, and what ARM says where it does not suffice."""

import re

import pytest

from inference_stack.catalog import CATALOG
from localcloud.arm.capacity import room
from localcloud.arm.quota import set_quota
from localcloud.arm.vm_sizes import vm_size
from tests.arm.engine import (
    CLUSTER,
    CLUSTER_INPUTS,
    GPU_POOL,
    GROUP,
    POOL,
    Engine,
    Inputs,
    Made,
    RefusedError,
)

H100 = "StandardNCadsH100v5Family"
SPOT = {"scaleSetPriority": "Spot"}
SURGE = "Surge nodes would also consume vcpu quota, please consider use smaller maxSurge"


def grant(engine: Engine, **vcpus: int) -> None:
    with engine.store() as store:
        set_quota(store, vcpus)


def create(engine: Engine, name: str = "gpu", **changes: object) -> Made:
    return engine.create(POOL, name, {**GPU_POOL, "agentPoolName": name, **changes})


REFUSED: list[tuple[dict[str, int], Inputs, Inputs, str]] = [
    # granted, refused, taken, the text's head; the system pool holds 4 vCPUs
    ({"cores": 83}, {"count": 2}, {"count": 1},
     "Insufficient regional vcpu quota left for location westeurope. "
     "left regional vcpu quota 79, requested quota 80."),
    ({H100: 79}, {"count": 2}, {"count": 1},
     f"Insufficient vcpu quota requested 80, remaining 79 for family {H100} for region westeurope."),
    ({H100: 39}, {"count": 1}, {"count": 0}, "Insufficient vcpu quota requested 40, remaining 39 for family"),
    ({"lowPriorityCores": 40}, {"count": 2, **SPOT}, {"count": 1, **SPOT},
     "Insufficient regional vcpu quota left for location westeurope. left regional vcpu quota 40,"),
    ({"lowPriorityCores": 0}, {"count": 1, **SPOT}, {"count": 1}, "left regional vcpu quota 0,"),
    ({H100: 0, "cores": 4}, {"count": 1}, {"count": 1, **SPOT}, "left regional vcpu quota 0, requested"),
]  # fmt: skip


@pytest.mark.parametrize(("granted", "refused", "taken", "text"), REFUSED)
def test_nodes_beyond_the_quota_are_refused_and_nodes_within_it_taken(
    engine: Engine, cluster: Made, granted: dict[str, int], refused: Inputs, taken: Inputs, text: str
) -> None:
    grant(engine, **granted)

    with pytest.raises(RefusedError, match='Status=400 Code="ErrCode_InsufficientVCPUQuota"') as error:
        create(engine, **refused)

    assert text in str(error.value)
    assert SURGE in str(error.value)
    create(engine, **taken)


def test_pools_share_a_family_and_a_family_left_out_has_no_limit(engine: Engine, cluster: Made) -> None:
    grant(engine, **{H100: 120})
    create(engine, "one", count=2)

    with pytest.raises(RefusedError, match="requested 80, remaining 40"):
        create(engine, "two", count=2)

    create(engine, "two", count=1)
    create(engine, "nd", count=3, vmSize="Standard_ND96isr_H100_v5")


def test_what_a_pool_holds_is_its_own(engine: Engine, cluster: Made) -> None:
    made = create(engine, count=2)
    grant(engine, **{H100: 80})

    engine.update(made, {"minCount": 2, "tags": {"a": "b"}})

    with pytest.raises(RefusedError, match="requested 40, remaining 0"):
        engine.update(made, {"minCount": 3})


def test_a_deleted_pool_gives_its_quota_back(engine: Engine, cluster: Made) -> None:
    grant(engine, **{H100: 40})
    engine.delete(create(engine, "one", count=1))

    create(engine, "two", count=1)


def test_another_regions_pools_do_not_count(engine: Engine, cluster: Made) -> None:
    engine.create(CLUSTER, "far", {**CLUSTER_INPUTS, "resourceName": "far", "location": "eastus"})
    create(engine, "far", count=3, resourceName="far")
    grant(engine, **{H100: 40})

    create(engine, count=1)


def test_another_subscriptions_pools_do_not_count(engine: Engine, group: Made) -> None:
    engine.configure(location="westeurope", subscriptionId="theirs")
    engine.create(GROUP, "rg", {"resourceGroupName": "rg"})
    engine.create(CLUSTER, "aks", CLUSTER_INPUTS)
    create(engine, "far", count=3)
    engine.configure(location="westeurope")
    engine.create(CLUSTER, "aks", CLUSTER_INPUTS)
    grant(engine, **{H100: 40})

    create(engine, count=1)


def test_families_are_compared_without_case_and_spaces(engine: Engine, cluster: Made) -> None:
    grant(engine, **{"Standard NCads H100v5 FAMILY": 0})

    with pytest.raises(RefusedError, match=f"remaining 0 for family {H100}"):
        create(engine, count=1)


def test_a_system_pool_beyond_the_quota_leaves_no_cluster(engine: Engine, group: Made) -> None:
    grant(engine, cores=3)

    with pytest.raises(RefusedError, match="left regional vcpu quota 3, requested quota 4"):
        engine.create(CLUSTER, "aks", CLUSTER_INPUTS)

    with engine.store() as store:
        assert (store.all(CLUSTER), store.all(POOL)) == ([], [])


def test_the_autoscaler_has_room_up_to_the_quota_and_is_told_what_lacks(
    engine: Engine, cluster: Made
) -> None:
    made = create(engine, count=1)
    with engine.store() as store:
        assert room(store, made.id, 100) == (100, None)

        set_quota(store, {H100: 130, "cores": 1000})

        assert room(store, made.id, 2) == (2, None)
        granted, error = room(store, made.id, 3)
        assert granted == 2
        assert error is not None
        assert error.code == "QuotaExceeded"
        limits = "Limit: 130, Current Usage: 40, Additional Required: 120, (Minimum) New Limit Required: 160."
        assert re.search(f"approved {H100} Cores quota.*{re.escape(limits)}", error.message)
        with pytest.raises(LookupError):
            room(store, "/x", 1)


def test_both_tables_name_the_same_families() -> None:
    """The stand-in's sizes and the planner's catalog, from different sources, agree."""
    for sku in CATALOG.skus.values():
        size = vm_size(sku.name)
        assert size is not None
        assert plain(size.family) == plain(sku.quota_family)


def plain(family: str) -> str:
    return family.replace(" ", "").lower()
