"""One AKS node pool, made so that preview tells the truth about what cannot be changed in place."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import containerservice

IMMUTABLE = {
    "availability_zones": "availabilityZones",
    "capacity_reservation_group_id": "capacityReservationGroupID",
    "gpu_instance_profile": "gpuInstanceProfile",
    "gpu_profile": "gpuProfile.driver",
    "max_pods": "maxPods",
    "os_disk_size_gb": "osDiskSizeGB",
    "os_disk_type": "osDiskType",
    "os_type": "osType",
    "scale_set_eviction_policy": "scaleSetEvictionPolicy",
    "scale_set_priority": "scaleSetPriority",
    "spot_max_price": "spotMaxPrice",
    "type": "type",
    "vm_size": "vmSize",
    "vnet_subnet_id": "vnetSubnetID",
}
"""What ARM refuses to change on an existing pool, by SDK argument and by its path in the provider's diff.
The provider itself replaces only for vmSize and gpuInstanceProfile and would preview the rest as updates.
A reservation can be given to a pool that stands in a preview of AKS only.
"""


def pool_name(base: str, immutable: Mapping[str, Any]) -> str:
    """The AKS name of a pool: its own name and five hex digits of what cannot be changed in place.

    A changed immutable property thus gives another name, and the new pool can stand before the old one goes.
    AKS allows twelve characters of a-z and 0-9, so `base` has at most seven.
    """
    canonical = json.dumps(dict(immutable), sort_keys=True, default=str)
    return base + hashlib.sha256(canonical.encode()).hexdigest()[:5]


def agent_pool(
    base: str,
    *,
    parent: pulumi.Resource,
    resource_name: str,
    resource_group_name: pulumi.Input[str],
    cluster_name: pulumi.Input[str],
    min_count: int,
    max_count: int,
    **properties: Any,
) -> containerservice.AgentPool:
    """Register a node pool of Linux nodes that is born at its minimum and then belongs to the autoscaler.

    `base` is the pool's own name; `properties` are further arguments of the SDK's AgentPool.
    """
    given = {
        "os_type": "Linux",
        "os_disk_type": "Managed",
        "type": "VirtualMachineScaleSets",
        **properties,
    }
    fixed = {key: given[key] for key in IMMUTABLE if given.get(key) is not None}
    return containerservice.AgentPool(
        resource_name,
        agent_pool_name=pulumi.Output.from_input(fixed).apply(lambda known: pool_name(base, known)),
        resource_group_name=resource_group_name,
        resource_name_=cluster_name,
        mode="User",
        enable_auto_scaling=True,
        # AKS counts one node unless told otherwise: a pool from zero would be born with a paid node.
        count=min_count,
        min_count=min_count,
        max_count=max_count,
        scale_down_mode="Delete",
        opts=pulumi.ResourceOptions(
            parent=parent,
            ignore_changes=["count"],
            replace_on_changes=list(IMMUTABLE.values()),
            # Said outright, because the provider asks for the opposite wherever a name is explicit.
            delete_before_replace=False,
        ),
        **given,
    )
