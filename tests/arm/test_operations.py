"""Operations that ARM accepts now and ends later, and how the provider waits for them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from localcloud.arm.client import CanceledError, Client, OperationFailedError
from localcloud.arm.cloud import Cloud
from localcloud.arm.faults import Fault
from localcloud.arm.kinds import kind
from localcloud.arm.operations import DURATION
from localcloud.arm.refusal import ArmError
from localcloud.arm.store import Store
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Inputs, Made, RefusedError

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
PATH = ("resourceGroupName", "resourceName", "agentPoolName")
BODY = {name: value for name, value in GPU_POOL.items() if name not in PATH}


@pytest.fixture
def store(engine: Engine, cluster: Made) -> Iterator[Store]:
    """A cloud whose operations end when a test says so."""
    engine.set(DURATION, "3600")
    with engine.store() as store:
        yield store


def end_all(store: Store) -> None:
    store.execute("UPDATE operations SET due = 0")


def state(store: Store, resource_id: str) -> Any:
    return (Cloud(store).get(resource_id) or {}).get("provisioningState")


def pool_id(cluster: Made, name: str = "h100") -> str:
    return f"{cluster.id}/agentPools/{name}"


def put(store: Store, resource_id: str, body: Inputs = BODY) -> int | None:
    return Cloud(store).put(kind(POOL), resource_id, body)


def test_a_pool_is_made_then_there_changed_then_deleted_then_gone(store: Store, cluster: Made) -> None:
    pool = pool_id(cluster)
    for request, meanwhile, after in (
        (lambda: put(store, pool), "Creating", "Succeeded"),
        (lambda: put(store, pool, {**BODY, "maxCount": 4}), "Updating", "Succeeded"),
        (lambda: Cloud(store).delete(pool), "Deleting", None),
    ):
        request()
        assert state(store, pool) == meanwhile
        end_all(store)
        assert state(store, pool) == after


def test_what_fails_at_the_end_exists_and_is_failed(store: Store, cluster: Made) -> None:
    store.order(Fault(kind="fail"))
    put(store, pool_id(cluster))
    assert state(store, pool_id(cluster)) == "Creating"

    end_all(store)

    assert state(store, pool_id(cluster)) == "Failed"


def test_pools_sent_with_their_cluster_are_made_with_it(store: Store, cluster: Made) -> None:
    other = cluster.id.replace("/aks", "/other")
    body = {name: value for name, value in CLUSTER_INPUTS.items() if name not in PATH}

    Cloud(store).put(kind(CLUSTER), other, {**body, "location": "westeurope"})

    parts = (other, f"{other}/agentPools/system")
    assert [state(store, part) for part in parts] == ["Creating", "Creating"]
    end_all(store)
    assert [state(store, part) for part in parts] == ["Succeeded", "Succeeded"]


def test_one_operation_at_a_time_on_a_cluster_and_its_pools(store: Store, cluster: Made) -> None:
    put(store, pool_id(cluster, "one"))
    counted = store.operations

    for request in (
        lambda: put(store, pool_id(cluster, "two")),
        lambda: put(store, pool_id(cluster, "one")),
        lambda: Cloud(store).delete(pool_id(cluster, "one")),
        lambda: Cloud(store).delete(cluster.id),
    ):
        with pytest.raises(ArmError) as refused:
            request()
        assert (refused.value.status, refused.value.code) == (409, "AnotherOperationInProgress")
        assert "Another operation (one - Creating) is in progress, please wait" in str(refused.value)
    assert store.operations == counted

    end_all(store)
    put(store, pool_id(cluster, "two"))


def test_subnets_of_a_network_wait_for_each_other_too(engine: Engine, group: Made) -> None:
    space = {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}
    path = {"resourceGroupName": "rg", "virtualNetworkName": "net"}
    made = engine.create(NETWORK, "net", {**path, **space})
    engine.set(DURATION, "3600")
    with engine.store() as store:
        cloud = Cloud(store)
        cloud.put(kind(SUBNET), f"{made.id}/subnets/a", {"addressPrefix": "10.1.0.0/24"})

        with pytest.raises(ArmError, match='Status=429 Code="AnotherOperationInProgress"'):
            cloud.put(kind(SUBNET), f"{made.id}/subnets/b", {"addressPrefix": "10.1.1.0/24"})
        end_all(store)
        cloud.put(kind(SUBNET), f"{made.id}/subnets/b", {"addressPrefix": "10.1.1.0/24"})


def test_pools_created_at_once_all_come_to_be(engine: Engine, cluster: Made) -> None:
    engine.set(DURATION, "0.05")
    names = [f"pool{number}" for number in range(6)]

    def create(name: str) -> Made:
        return engine.create(POOL, name, {**GPU_POOL, "agentPoolName": name})

    with ThreadPoolExecutor(len(names)) as threads:
        made = list(threads.map(create, names))

    assert [pool.outputs["provisioningState"] for pool in made] == ["Succeeded"] * 6
    assert {pool["name"] for pool in read(engine, cluster).outputs["agentPoolProfiles"]} == {"system", *names}


def read(engine: Engine, made: Made) -> Made:
    found = engine.read(made.token, made.id)
    assert found is not None
    return found


def test_another_conflict_is_told_at_once(engine: Engine, cluster: Made) -> None:
    with engine.store() as store:
        store.order(Fault(kind="refuse", refusal="RoleAssignmentExists"))
        before = store.operations

    with pytest.raises(RefusedError, match="Status=409"):
        engine.create(POOL, "h100", GPU_POOL)

    with engine.store() as store:
        assert store.operations == before + 1


class Stop:
    """An event that a test sets after some waiting."""

    def __init__(self, waits: int) -> None:
        self.left = waits

    def is_set(self) -> bool:
        return self.left <= 0

    def wait(self, _: float | None = None) -> bool:
        self.left -= 1
        return self.is_set()


def test_cancelling_a_wait_for_the_end_leaves_it_half_made_and_arm_goes_on(
    store: Store, cluster: Made
) -> None:
    client: Any = Client(store, Stop(waits=3))  # pyright: ignore[reportArgumentType]

    with pytest.raises(OperationFailedError, match=r"^context canceled$") as error:
        client.put(kind(POOL), pool_id(cluster), BODY, new=True)

    assert error.value.outputs["provisioningState"] == "Creating"
    end_all(store)
    assert state(store, pool_id(cluster)) == "Succeeded"


def test_cancelling_a_wait_for_another_operation_leaves_nothing(store: Store, cluster: Made) -> None:
    put(store, pool_id(cluster, "one"))
    client: Any = Client(store, Stop(waits=3))  # pyright: ignore[reportArgumentType]

    with pytest.raises(CanceledError):
        client.put(kind(POOL), pool_id(cluster, "two"), BODY, new=True)

    end_all(store)
    assert state(store, pool_id(cluster, "two")) is None


def test_a_provider_that_waits_goes_on_when_the_other_operation_has_ended(
    store: Store, engine: Engine, cluster: Made
) -> None:
    put(store, pool_id(cluster, "one"))
    engine.set(DURATION, "0")
    second: Future[Made] = ThreadPoolExecutor(1).submit(engine.create, POOL, "h100", GPU_POOL)
    assert not second.done()

    end_all(store)

    assert second.result(timeout=30).outputs["provisioningState"] == "Succeeded"
