from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.arm.capacity import run_out
from localcloud.arm.quota import set_quota
from localcloud.arm.store import Store, Stored, now
from localcloud.cluster.pool import MANAGED_CLUSTER, Pool, Taint, read_inventory, resize, with_room
from tests.cluster.builders import H100
from tests.cluster.live import CLUSTER_ID, fill, pool_id, stored_pool, stored_slices


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "arm.db") as opened:
        fill(opened)
        yield opened


def found(store: Store, name: str) -> Pool:
    return next(pool for pool in read_inventory(store).pools if pool.name == name)


def cluster(store: Store, **properties: Any) -> None:
    store.change(CLUSTER_ID, **properties)


def test_pools_are_found_as_resources_and_inline(store: Store) -> None:
    assert [pool.name for pool in read_inventory(store).pools] == ["system", "heads", "chat"]
    assert found(store, "system").mode == "System"


def test_a_pool_that_arm_shows_inline_too_counts_once(store: Store) -> None:
    inline = [{"name": "heads", "vmSize": "Standard_D2ds_v5", "count": 7, "mode": "User"}]
    cluster(store, agentPoolProfiles=inline)
    assert found(store, "heads").count == 1
    assert len(read_inventory(store).pools) == 2


def test_a_store_without_a_cluster_has_no_pools(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.db") as empty:
        assert read_inventory(empty).pools == ()


def test_a_pool_of_slices_is_read(store: Store) -> None:
    pool = found(store, "chat")
    assert pool.mig is not None
    assert pool.mig.profile == "2g.24gb"
    assert pool.taints == (Taint(key="sku", value="gpu", effect="NoSchedule"),)
    assert (pool.min_count, pool.max_count, pool.autoscaled) == (0, 2, True)
    assert pool.resource_group == "MC_rg_aks_eastus2"


def test_aks_adds_its_label_and_taint_to_spot_pools_once(store: Store) -> None:
    spot = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"
    for taints in ([], [spot]):
        store.put(stored_slices(scaleSetPriority="Spot", nodeTaints=taints))
        pool = found(store, "chat")
        assert pool.taints == (Taint.parse(spot),)
        assert pool.labels["kubernetes.azure.com/scalesetpriority"] == "spot"


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ({"networkPlugin": "azure", "networkPluginMode": "overlay"}, 250),
        ({"networkPlugin": "azure"}, 30),
        ({"networkPlugin": "kubenet"}, 110),
    ],
)
def test_the_network_decides_how_many_pods_a_node_takes(
    store: Store, network: dict[str, str], expected: int
) -> None:
    cluster(store, networkProfile=network)
    assert found(store, "heads").max_pods == expected
    store.change(pool_id("heads"), maxPods=42)
    assert found(store, "heads").max_pods == 42


def test_a_pool_whose_creation_failed_is_left_out(store: Store) -> None:
    store.change(pool_id("chat"), provisioningState="Failed")
    assert "chat" not in [pool.name for pool in read_inventory(store).pools]


def test_a_pool_of_an_unknown_size_is_left_out_and_reported(store: Store) -> None:
    store.put(stored_pool("odd", "Standard_Q1", count=1))
    inventory = read_inventory(store)
    assert "odd" not in [pool.name for pool in inventory.pools]
    (problem,) = inventory.problems
    assert problem.startswith("pool odd has no nodes: VM size 'Standard_Q1' is unknown")


def test_a_second_cluster_is_reported(store: Store) -> None:
    store.put(Stored(id="/other", type=MANAGED_CLUSTER, name="other", properties={}, created=now()))
    assert read_inventory(store).problems == (
        "cluster other has no nodes: this control plane stands for aks",
    )


def obtained(store: Store, name: str) -> Pool:
    pools = with_room(store, read_inventory(store)).pools
    return next(pool for pool in pools if pool.name == name)


@pytest.mark.parametrize(("granted", "nodes"), [(0, 0), (39, 0), (40, 1), (100, 2)])
def test_the_quota_bounds_a_pool(store: Store, granted: int, nodes: int) -> None:
    assert obtained(store, "chat").room == 2
    set_quota(store, {"StandardNCadsH100v5Family": granted})
    pool = obtained(store, "chat")
    assert (pool.obtainable, pool.room) == (nodes, nodes)
    assert ("QuotaExceeded" in pool.refusal) is (nodes < 2)
    assert obtained(store, "heads").room == 1


def test_what_has_run_out_bounds_a_pool(store: Store) -> None:
    run_out(store, H100)
    pool = obtained(store, "chat")
    assert pool.room == 0
    assert "AllocationFailed" in pool.refusal


def test_the_profile_of_the_autoscaler_is_read(store: Store) -> None:
    assert read_inventory(store).profile.scale_down_unneeded_s == 600
    cluster(store, autoScalerProfile={"scaleDownUnneededTime": "1h30m", "scanInterval": "20s"})
    profile = read_inventory(store).profile
    assert (profile.scale_down_unneeded_s, profile.scan_interval_s) == (5400, 20)


@pytest.mark.parametrize("name", ["chat", "system"])
def test_a_pool_is_resized_where_it_is_kept(store: Store, name: str) -> None:
    resize(store, found(store, name), 2)
    assert found(store, name).count == 2
    assert found(store, "heads").count == 1


def test_a_pool_that_is_gone_cannot_be_resized(store: Store) -> None:
    pool = found(store, "chat")
    store.delete(pool.id)
    with pytest.raises(LookupError, match=r"no pool .*chat"):
        resize(store, pool, 2)
