"""Pools, nodes and pods for the tests of the cluster."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from lightkube.models.core_v1 import PodSpec

from localcloud.cluster.node import aks_node
from localcloud.cluster.observed import ObservedNode, ObservedPod, observe_node
from localcloud.cluster.pool import Pool, Taint
from localcloud.cluster.scheduling import amounts
from localcloud.cluster.sizes import mig_slices, vm_size

H100 = "Standard_NC40ads_H100_v5"
GB200 = "Standard_ND128isr_NDR_GB200_v6"
SLICE = "nvidia.com/mig-2g.24gb"
SLICE_TAG = "k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_mig-2g.24gb"
GPU_TAINT = "sku=gpu:NoSchedule"
TOLERATES_GPU = [{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def pool(name: str = "heads", size: str = "Standard_D8ds_v5", **given: Any) -> Pool:
    """A pool that may grow from nothing to three nodes."""
    settings: dict[str, Any] = {"count": 0, "min_count": 0, "max_count": 3, "autoscaled": True, **given}
    return Pool(
        id=f"/pools/{name}",
        name=name,
        resource_group="MC_rg_aks",
        region="eastus2",
        size=vm_size(size),
        **settings,
    )


def slice_pool(*, tagged: bool = True, **given: Any) -> Pool:
    """A pool of H100s cut in three, with or without the tag that the autoscaler knows the slices by."""
    settings: dict[str, Any] = {
        "taints": (Taint.parse(GPU_TAINT),),
        "tags": {SLICE_TAG: "3"} if tagged else {},
        "mig": mig_slices(H100, "MIG2g"),
        **given,
    }
    return pool("chat", H100, **settings)


def spec(requests: Mapping[str, str] | None = None, **given: Any) -> PodSpec:
    """A pod of one container."""
    container = {"name": "main", "image": "example", "resources": {"requests": dict(requests or {})}}
    return pod_spec({"containers": [container], **given})


def pod_spec(manifest: dict[str, Any]) -> PodSpec:
    """A pod specification from its manifest."""
    return cast("PodSpec", PodSpec.from_dict(manifest))


def slice_spec(**given: Any) -> PodSpec:
    """A pod that asks for one slice and may go where GPUs are."""
    return spec({SLICE: "1", "cpu": "4", "memory": "32Gi"}, tolerations=TOLERATES_GPU, **given)


def pod(name: str, of: PodSpec, *, node: str | None = None, daemon: bool = False) -> ObservedPod:
    """A pod on a node, or one that the scheduler has found none for."""
    return ObservedPod(
        namespace="default",
        name=name,
        uid=name,
        spec=of,
        created=NOW - timedelta(minutes=5),
        node=node,
        daemon=daemon,
        running=node is not None,
        unschedulable=node is None,
    )


def node(
    of: Pool, index: int = 0, *, gpus: Mapping[str, str] | None = None, age_min: float = 60
) -> ObservedNode:
    """A node of a pool that became ready when it was made."""
    made = aks_node(of, index)
    assert made.metadata is not None
    made.metadata.creationTimestamp = NOW - timedelta(minutes=age_min)
    seen = observe_node(made)
    assert seen is not None
    machine = seen.machine.model_copy(update={"free": {**seen.machine.free, **amounts(gpus)}})
    return replace(seen, machine=machine, ready_since=seen.created)
