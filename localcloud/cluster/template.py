"""The node that AKS's autoscaler imagines of a pool that has none.

It knows the pool and its size, not the node: what a device plugin would add is unknown to it unless a tag
says so. Source: kubernetes/autoscaler, cluster-autoscaler/cloudprovider/azure/azure_template.go; the AKS
build of it is a fork whose differences are not published.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from pydantic import ValidationError

from localcloud.cluster.node import ACCELERATOR_LABEL, aks_labels, zone_of
from localcloud.cluster.pool import Pool, Taint
from localcloud.cluster.scheduling import Amounts, Machine, parse_amount

RESOURCE_TAG = "k8s.io_cluster-autoscaler_node-template_resources_"
"""Prefix of a pool tag that names a resource of the pool's nodes; the tag's value is the amount."""
_LABEL_TAG = "k8s.io_cluster-autoscaler_node-template_label_"
_TAINT_TAG = "k8s.io_cluster-autoscaler_node-template_taint_"
_GIB = 1024**3
_TEMPLATE_PODS = 110
"""Whatever the pool's maxPods is."""


def template(pool: Pool, taken: Amounts | None = None) -> Machine:
    """The imagined node, with what its DaemonSet pods will take (`taken`) off.

    Nothing is reserved for the node itself: a pod between a node's allocatable and its capacity gets a node
    that it then does not fit, on AKS as here.
    """
    capacity: dict[str, Decimal] = {
        "cpu": Decimal(pool.size.vcpu),
        "memory": Decimal(pool.size.memory_gib * _GIB),
        "pods": Decimal(_TEMPLATE_PODS),
        "nvidia.com/gpu": Decimal(pool.size.gpus if pool.size.autoscaler_knows_gpus else 0),
    }
    if pool.os_disk_gb:
        capacity["ephemeral-storage"] = Decimal(pool.os_disk_gb * _GIB)
    imagined = Machine(
        name=f"template-node-for-{pool.name}",
        labels={**_generic_labels(pool), **(pool.labels or dict(_tagged(pool, _LABEL_TAG)))},
        taints=pool.taints or tuple(_tagged_taints(pool)),
        free={**capacity, **_tagged_resources(pool)},
    )
    return imagined.holding(taken or {})


def resource_tag(resource: str) -> str:
    """The tag that tells the autoscaler of a resource: `/` is written `_`, and `_` is written `~2`."""
    return RESOURCE_TAG + resource.replace("_", "~2").replace("/", "_")


def _generic_labels(pool: Pool) -> dict[str, str]:
    """Labels that the autoscaler foresees: fewer than the node will have."""
    foreseen = (
        "agentpool",
        "kubernetes.azure.com/agentpool",
        "kubernetes.azure.com/storageprofile",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.disk.csi.azure.com/zone",
        "topology.kubernetes.io/region",
        # The autoscaler takes one of the zones at random; the first, so that a run can be repeated.
        "topology.kubernetes.io/zone",
    )
    labels = aks_labels(pool, zone_of(pool, 0))
    gpu = {ACCELERATOR_LABEL: "nvidia", "accelerator": "nvidia"} if _gpu_foreseen(pool.size.name) else {}
    return {**gpu, **{key: labels[key] for key in foreseen}}


def _gpu_foreseen(size: str) -> bool:
    """The autoscaler's list of sizes that get the accelerator label ends at the A100."""
    return bool(re.search(r"_A100_|Standard_ND96am?sr", size))


def _tagged(pool: Pool, prefix: str) -> Iterator[tuple[str, str]]:
    for tag, value in pool.tags.items():
        if tag.startswith(prefix) and (encoded := tag.removeprefix(prefix)):
            yield encoded.replace("_", "/").replace("~2", "_"), value


def _tagged_taints(pool: Pool) -> Iterator[Taint]:
    for key, value in _tagged(pool, _TAINT_TAG):
        try:
            yield Taint.parse(f"{key}={value}")
        except ValidationError:
            continue  # the autoscaler passes over a tag that is no taint


def _tagged_resources(pool: Pool) -> Mapping[str, Decimal]:
    stated = {name: parse_amount(value) for name, value in _tagged(pool, RESOURCE_TAG)}
    return {name: amount for name, amount in stated.items() if amount is not None}
