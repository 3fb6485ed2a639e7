"""Nodes from zero and back, with the real scheduler and the real KubeRay operator."""

from collections.abc import Iterator

import pytest
from lightkube.resources.core_v1 import Pod

from localcloud import cluster
from tests.cluster.builders import SLICE, SLICE_TAG
from tests.cluster.live import Live, eventually, pool_id, stored_slices

pytestmark = pytest.mark.e2e


@pytest.fixture
def service(live: Live) -> Iterator[Live]:
    """A RayService at rest."""
    live.create_service()
    eventually("the head runs", lambda: live.pods("head"))
    yield live
    live.delete_service()
    live.store.put(stored_slices())
    eventually("the pool of slices is empty", lambda: not live.nodes("chat"))


def on_nodes(pods: list[Pod]) -> set[str]:
    return {str(pod.spec.nodeName) for pod in pods if pod.spec}


def test_the_head_alone_runs_at_rest(service: Live) -> None:
    (head,) = service.pods("head")
    assert on_nodes([head]) == {str(node.metadata and node.metadata.name) for node in service.nodes("heads")}
    assert service.pods("worker") == []
    assert service.nodes("chat") == []


def test_workers_get_nodes_from_zero_and_give_them_back(service: Live) -> None:
    service.scale_workers(1)
    (worker,) = eventually("one worker", lambda: service.pods("worker"))
    (node,) = service.nodes("chat")
    assert node.metadata is not None
    assert on_nodes([worker]) == {node.metadata.name}
    assert service.events("TriggeredScaleUp", worker) == ["pod triggered scale-up: [{chat 0->1 (max: 2)}]"]

    service.scale_workers(6)
    workers = eventually("six workers", lambda: found if len(found := service.pods("worker")) == 6 else None)
    assert len(on_nodes(workers)) == service.count("chat") == 2
    pool = next(pool for pool in cluster.status(service.state).pools if pool.name == "chat")
    assert [node.gpus for node in pool.nodes] == [{SLICE: 3}, {SLICE: 3}]

    service.scale_workers(0)
    eventually("no node of slices", lambda: not service.nodes("chat"))
    assert service.count("chat") == 0
    assert len(service.nodes("heads")) == 1


def test_a_pool_without_its_tag_stays_pending_and_says_why(service: Live) -> None:
    service.store.change(pool_id("chat"), tags={})
    service.scale_workers(1)
    (worker,) = eventually("a worker that waits", lambda: service.pods("worker", "Pending"))
    (said,) = eventually("an event that says why", lambda: service.events("NotTriggerScaleUp", worker))
    assert said.startswith(f"pod didn't trigger scale-up: 1 Insufficient {SLICE}, 1 node(s) didn't match")
    assert SLICE_TAG in said
    (pending,) = cluster.status(service.state).pending
    assert said in pending.reasons
    assert service.count("chat") == 0
    assert service.pods("worker") == []

    service.store.change(pool_id("chat"), tags={SLICE_TAG: "3"})
    eventually("the worker runs once the tag is there", lambda: service.pods("worker"))


def test_a_pool_that_is_deleted_loses_its_nodes_and_their_pods(service: Live) -> None:
    service.scale_workers(1)
    (worker,) = eventually("one worker", lambda: service.pods("worker"))
    service.store.delete(pool_id("chat"))
    eventually("no node of slices", lambda: not service.nodes("chat"))
    uids = {pod.metadata.uid for pod in service.client.list(Pod) if pod.metadata}
    assert worker.metadata is not None
    assert worker.metadata.uid not in uids


def test_a_count_that_is_changed_by_hand_is_followed(live: Live) -> None:
    live.store.change(pool_id("heads"), count=2)
    eventually("two nodes for heads", lambda: len(live.nodes("heads")) == 2)
    live.store.change(pool_id("heads"), count=1)
    (left,) = eventually(
        "one node for heads", lambda: found if len(found := live.nodes("heads")) == 1 else None
    )
    assert left.metadata is not None
    assert str(left.metadata.name).endswith("-vmss000000")


def test_a_pool_whose_creation_failed_has_no_nodes(live: Live) -> None:
    live.store.change(pool_id("chat"), count=1, provisioningState="Failed")
    live.store.change(pool_id("heads"), count=2)
    eventually("two nodes for heads", lambda: len(live.nodes("heads")) == 2)
    assert live.nodes("chat") == []
    live.store.put(stored_slices())
    live.store.change(pool_id("heads"), count=1)


def test_the_inline_system_pool_has_its_node(live: Live) -> None:
    (node,) = eventually("the system node", lambda: live.nodes("system"))
    assert node.metadata is not None
    assert node.metadata.labels is not None
    assert node.metadata.labels["kubernetes.azure.com/mode"] == "system"
