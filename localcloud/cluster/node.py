"""The nodes that AKS makes of a pool."""

import hashlib

from lightkube.models.core_v1 import NodeSpec, NodeStatus, NodeSystemInfo
from lightkube.models.core_v1 import Taint as NodeTaint
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node

from inference_stack.catalog import CATALOG
from localcloud.cluster.pool import Pool

POOL_ANNOTATION = "localcloud/pool"
"""On every node: ARM id of its pool."""
ACCELERATOR_LABEL = "kubernetes.azure.com/accelerator"

_MIB_PER_GIB = 1024
_SCALE_SET_DIGITS = 8
_INSTANCE_DIGITS = 6


def aks_node(pool: Pool, index: int) -> Node:
    """The node at an index of a pool as it registers: ready to become Ready, still without GPUs.

    GPUs appear once a device plugin runs on it: see `device_plugin`.
    """
    scale_set = f"aks-{pool.name}-{_cluster_digits(pool)}-vmss"
    name = scale_set + _base36(index)
    capacity = _capacity(pool)
    return Node(
        metadata=ObjectMeta(
            name=name,
            annotations={POOL_ANNOTATION: pool.id},
            labels={**aks_labels(pool, zone_of(pool, index)), "kubernetes.io/hostname": name, **pool.labels},
        ),
        spec=NodeSpec(
            providerID=f"azure:///resourceGroups/{pool.resource_group}/providers/Microsoft.Compute"
            f"/virtualMachineScaleSets/{scale_set}/virtualMachines/{index}",
            taints=[NodeTaint(key=one.key, value=one.value, effect=one.effect) for one in pool.taints],
        ),
        status=NodeStatus(
            capacity=capacity, allocatable={**capacity, **_allocatable(pool)}, nodeInfo=_system_info(pool)
        ),
    )


def node_index(name: str) -> int:
    """The index of a node in its scale set, from its name."""
    return int(name[-_INSTANCE_DIGITS:], 36)


def zone_of(pool: Pool, index: int) -> str:
    """Zone label of a node: the pool's zones in turn, or AKS's "0" for a pool without zones."""
    return f"{pool.region}-{pool.zones[index % len(pool.zones)]}" if pool.zones else "0"


def aks_labels(pool: Pool, zone: str) -> dict[str, str]:
    """Labels that AKS gives the nodes of a pool, the pool's own ones left out."""
    gpu = {ACCELERATOR_LABEL: "nvidia", "accelerator": "nvidia"} if pool.size.gpus else {}
    disk = "ephemeral" if pool.ephemeral_os_disk else "managed"
    return {
        **gpu,
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/cluster": pool.resource_group,
        "kubernetes.azure.com/mode": pool.mode.lower(),
        "kubernetes.azure.com/os-sku": pool.os_sku,
        "kubernetes.azure.com/role": "agent",
        "kubernetes.azure.com/storageprofile": disk,
        "kubernetes.io/arch": pool.size.arch,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": pool.size.name,
        "topology.disk.csi.azure.com/zone": zone if pool.zones else "",
        "topology.kubernetes.io/region": pool.region,
        "topology.kubernetes.io/zone": zone,
    }


def _capacity(pool: Pool) -> dict[str, str]:
    return {
        "cpu": str(pool.size.vcpu),
        "memory": f"{pool.size.memory_gib}Gi",
        "ephemeral-storage": f"{pool.os_disk_gb or _default_disk_gb(pool.size.vcpu)}Gi",
        "pods": str(pool.max_pods),
    }


def _allocatable(pool: Pool) -> dict[str, str]:
    reserved = CATALOG.reserved(pool.size, pool.max_pods)
    disk_gb = pool.os_disk_gb or _default_disk_gb(pool.size.vcpu)
    return {
        "cpu": f"{pool.size.vcpu * 1000 - reserved.cpu_millicores}m",
        "memory": f"{int((pool.size.memory_gib - reserved.memory_gib) * _MIB_PER_GIB)}Mi",
        # kubelet evicts when less than a tenth of the disk is free.
        "ephemeral-storage": f"{int(disk_gb * _MIB_PER_GIB * 0.9)}Mi",
    }


def _default_disk_gb(vcpu: int) -> int:
    """AKS's managed OS disk for a pool that names no size."""
    return 128 if vcpu < 8 else 256 if vcpu < 16 else 512 if vcpu < 64 else 1024


def _system_info(pool: Pool) -> NodeSystemInfo:
    return NodeSystemInfo(
        architecture=pool.size.arch,
        bootID="",
        containerRuntimeVersion="",
        kernelVersion="",
        kubeProxyVersion="",
        kubeletVersion=f"v{pool.kubernetes_version}" if pool.kubernetes_version else "",
        machineID="",
        operatingSystem="linux",
        osImage=pool.os_sku,
        systemUUID="",
    )


def _cluster_digits(pool: Pool) -> str:
    """AKS gives all scale sets of a cluster the same eight digits."""
    digest = int(hashlib.sha256(pool.resource_group.encode()).hexdigest(), 16)
    return str(digest % 10**_SCALE_SET_DIGITS).zfill(_SCALE_SET_DIGITS)


def _base36(number: int) -> str:
    """An instance's index as scale sets write it into the host name."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.zfill(_INSTANCE_DIGITS)
