"""A GPU node pool that the cluster autoscaler can reach from zero."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pydantic import Field

from components.agent_pool import agent_pool
from components.arguments import checked
from inference_stack.catalog import CATALOG
from inference_stack.planner import (
    GPU_PRESENT_LABEL,
    IDLE_REASON_TAG,
    POOL_SURGE,
    accelerator,
    pool_findings,
    pool_labels,
    pool_taints,
    template_tags,
)
from inference_stack.spec import GpuPool, Mig, MigStrategy, Priority
from inference_stack.spec.names import CapacityReservationGroupId

SPOT_LABEL = {"kubernetes.azure.com/scalesetpriority": "spot"}
STRATEGY_LABEL = "inference-stack.io/mig-strategy"
"""Which device plugin serves the nodes of a pool; see `components.device_plugin`."""


class MigArgs(TypedDict):
    """How each GPU of a pool is cut."""

    profile: str
    """Required. MIG1g, MIG2g, MIG3g, MIG4g or MIG7g."""
    strategy: NotRequired[str]
    """Optional. single: a slice is `nvidia.com/gpu`; mixed: it is named by its profile. Default single."""


class NodesArgs(TypedDict):
    """How many nodes a pool may have."""

    min: NotRequired[int]
    """Optional. Nodes kept when idle. Default 0."""
    max: int
    """Required. Nodes at peak."""
    reason: NotRequired[str]
    """Conditional. Why nodes are kept when idle; required where min is above zero."""


class GpuNodePoolArgs(TypedDict):
    """What a GPU node pool needs."""

    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the cluster."""
    cluster_name: pulumi.Input[str]
    """Required. Name of the AKS cluster."""
    subnet_id: NotRequired[pulumi.Input[str]]
    """Optional. Subnet of the nodes; left out, AKS uses the cluster's own."""
    pool: str
    """Required. Name of the pool, at most 7 characters of a-z and 0-9; AKS's name adds a short hash."""
    sku: str
    """Required. Azure GPU size, for example Standard_NC40ads_H100_v5."""
    nodes: NodesArgs
    """Required. Bounds of the pool."""
    mig: NotRequired[MigArgs]
    """Optional. How each GPU is cut; left out for whole GPUs."""
    priority: NotRequired[str]
    """Optional. Regular or Spot. Default Regular."""
    spot_max_price: NotRequired[float]
    """Optional. Most to pay for a Spot node, USD an hour."""
    zones: NotRequired[Sequence[str]]
    """Optional. Availability zones."""
    os_disk_gb: NotRequired[int]
    """Optional. OS disk, GB. Default 512."""
    capacity_reservation: NotRequired[str]
    """Optional. ARM id of a capacity reservation group, which the cluster's identity may use."""
    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Optional. Azure tags."""


def device_plugin_strategy(mig: Mig | None) -> str:
    """MIG strategy of the device plugin that serves a pool; whole GPUs are the same to both."""
    return (mig.strategy if mig else MigStrategy.SINGLE).value


_WIRING = ("resource_group_name", "cluster_name", "subnet_id", "tags")


class _Pool(GpuPool):
    """What is asked of a pool by itself, outside of an environment."""

    capacity_reservation: CapacityReservationGroupId | None = Field(
        default=None, description="ARM id of the group whose nodes are taken first."
    )


class GpuNodePool(pulumi.ComponentResource):
    """One AKS node pool with GPUs: tainted, labelled, and described so that it is reached from zero."""

    pool_name: pulumi.Output[str]
    """Name of the pool in AKS."""
    resource: pulumi.Output[str]
    """Kubernetes resource that a pod requests for one unit."""
    units_per_node: pulumi.Output[int]
    """GPUs or slices that one node offers."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Check the arguments, all of them, then register the pool."""
        super().__init__("inference-stack:index:GpuNodePool", name, {}, opts)
        asked = {"name" if key == "pool" else key: value for key, value in args.items() if key not in _WIRING}
        settings = checked(_Pool, asked, renamed={"name": "pool"}, findings=pool_findings)
        unit = accelerator(CATALOG.skus[settings.sku], settings.mig, CATALOG)
        spot = settings.priority is Priority.SPOT
        strategy = device_plugin_strategy(settings.mig)
        labels = {**pool_labels(settings.name), **GPU_PRESENT_LABEL, STRATEGY_LABEL: strategy}
        reason = {IDLE_REASON_TAG: settings.nodes.reason} if settings.nodes.reason else {}
        own = {**template_tags(unit), **reason}
        tags = pulumi.Output.from_input(args.get("tags", {})).apply(lambda given: {**given, **own})
        pool = agent_pool(
            settings.name,
            parent=self,
            resource_name=name,
            resource_group_name=args["resource_group_name"],
            cluster_name=args["cluster_name"],
            min_count=settings.nodes.min,
            max_count=settings.nodes.max,
            vm_size=settings.sku,
            os_sku="Ubuntu",
            os_disk_size_gb=settings.os_disk_gb,
            gpu_instance_profile=settings.mig.profile.value if settings.mig else None,
            gpu_profile={"driver": "Install"},
            availability_zones=list(settings.zones) or None,
            capacity_reservation_group_id=settings.capacity_reservation,
            vnet_subnet_id=args.get("subnet_id"),
            # AKS adds this label and taint to Spot nodes anyway. Sent from here, a refresh finds no change.
            node_labels={**labels, **SPOT_LABEL} if spot else labels,
            node_taints=list(pool_taints(settings.priority)),
            tags=tags,
            scale_set_priority=settings.priority.value,
            scale_set_eviction_policy="Delete" if spot else None,
            spot_max_price=(settings.spot_max_price or -1) if spot else None,
            upgrade_settings=None if spot else {"max_surge": str(POOL_SURGE)},
        )
        self.pool_name = pool.name.apply(lambda given: given or "")
        self.resource = pulumi.Output.from_input(unit.resource)
        self.units_per_node = pulumi.Output.from_input(unit.per_node)
        self.register_outputs(
            {"pool_name": self.pool_name, "resource": self.resource, "units_per_node": self.units_per_node}
        )
