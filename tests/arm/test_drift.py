"""What is changed by hand, by ARM's own rules, and what a refresh makes of it."""

import pytest

from localcloud.arm.drift import change_by_hand
from localcloud.arm.refusal import ArmError
from tests.arm.engine import CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Inputs, Made

DRIFTS: list[tuple[Inputs, set[str]]] = [
    ({"maxCount": 7}, {"maxCount"}),
    ({"tags": {"owner": "somebody"}}, {"tags"}),
    ({"nodeTaints": None}, {"nodeTaints"}),
    (
        {"nodeLabels": {"inference-stack.io/pool": "other", "by": "hand"}},
        {"nodeLabels.inference-stack.io/pool", "nodeLabels.by"},
    ),
    ({"nodeTaints": ["mine:NoSchedule"], "minCount": 1}, {"nodeTaints[0]", "minCount", "count"}),
]


@pytest.mark.parametrize(("changes", "paths"), DRIFTS)
def test_a_refresh_shows_what_was_changed_by_hand_and_the_next_up_takes_it_back(
    engine: Engine, pool: Made, changes: Inputs, paths: set[str]
) -> None:
    with engine.store() as store:
        change_by_hand(store, pool.id, **changes)

    found = engine.refresh(pool)

    assert found is not None
    wanted = {name: GPU_POOL.get(name) for name in {*changes, *(["count"] if "count" in paths else [])}}
    assert set(engine.diff(found, wanted).detailedDiff) == paths
    repaired = engine.update(found, {**wanted, "count": found.inputs["count"]})
    assert {name: repaired.outputs.get(name) for name in changes} == {n: GPU_POOL.get(n) for n in changes}


def test_a_spot_pool_changed_by_hand_keeps_what_aks_added(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "h100", {**GPU_POOL, "scaleSetPriority": "Spot"})
    with engine.store() as store:
        shown = change_by_hand(store, made.id, tags={"by": "hand"})

    assert shown == {**made.outputs, "tags": {"by": "hand"}, "eTag": shown["eTag"]}


def test_a_hand_is_bound_by_arms_rules(engine: Engine, pool: Made, cluster: Made) -> None:
    with engine.store() as store:
        for resource, changes, text in (
            (pool, {"osDiskSizeGB": 256}, r"Changing property 'properties\.osDiskSizeGB' is not allowed"),
            (pool, {"nodeLabels": {"kubernetes.azure.com/x": "y"}}, "Invalid node label key"),
            (cluster, {"dnsPrefix": "other"}, "Changing property 'dnsPrefix' is not allowed"),
        ):
            with pytest.raises(ArmError, match=text):
                change_by_hand(store, resource.id, **changes)
    assert engine.refresh(pool) == pool


def test_a_cluster_changed_by_hand_keeps_its_pools(engine: Engine, cluster: Made, pool: Made) -> None:
    with engine.store() as store:
        shown = change_by_hand(store, cluster.id, tags={"by": "hand"}, publicNetworkAccess="Disabled")

    assert [each["name"] for each in shown["agentPoolProfiles"]] == ["system", "h100"]
    found = engine.refresh(cluster)
    assert found is not None
    wanted = {"tags": None, "agentPoolProfiles": found.inputs["agentPoolProfiles"]}
    assert set(engine.diff(found, {**wanted, "publicNetworkAccess": None}).detailedDiff) == {
        "tags",
        "publicNetworkAccess",
    }
    assert "publicNetworkAccess" not in CLUSTER_INPUTS


def test_nothing_is_no_resource(engine: Engine, cluster: Made) -> None:
    with engine.store() as store, pytest.raises(LookupError, match="no resource /x"):
        change_by_hand(store, "/x", tags={})
