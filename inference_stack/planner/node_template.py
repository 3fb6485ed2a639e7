"""What a GPU pool carries so that pods find it and the autoscaler can reach it from zero nodes."""

from inference_stack.spec import Priority

from .accelerator import WHOLE_GPU
from .plan import Accelerator, PlannedPool

POOL_LABEL = "inference-stack.io/pool"
"""Names the pool of a node. Pods select by it, since AKS's own pool name changes with what is immutable."""

AKS_POOL_LABEL = "kubernetes.azure.com/agentpool"
"""AKS's own label of the nodes of a pool: the pool's name in ARM."""

GPU_PRESENT_LABEL = {"nvidia.com/gpu.present": "true"}
"""NVIDIA's device plugin runs on nodes with this label."""

GPU_TAINT = "nvidia.com/gpu=present:NoSchedule"
"""Keeps pods without GPU work away from nodes that cost too much for them."""

SPOT_TAINT = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"
"""Taint that AKS gives to every Spot node."""

IDLE_REASON_TAG = "inference-stack-idle-reason"
"""Azure tag of a pool that keeps nodes when idle: why."""

_TEMPLATE = "k8s.io_cluster-autoscaler_node-template_resources_"


def pool_labels(name: str) -> dict[str, str]:
    """Labels of the nodes of a pool."""
    return {POOL_LABEL: name}


def node_selector(pool: PlannedPool) -> dict[str, str]:
    """Labels by which pods find the nodes of a pool; one that is there already has only those of AKS."""
    if pool.existing is None:
        return pool_labels(pool.name)
    # ARM reads an id in any case; the label has the name as AKS keeps it, in small letters.
    return {AKS_POOL_LABEL: pool.existing.rpartition("/")[2].lower()}


def pool_taints(priority: Priority) -> tuple[str, ...]:
    """Taints of the nodes of a GPU pool, which the pods that are meant for it tolerate."""
    return (GPU_TAINT, SPOT_TAINT) if priority is Priority.SPOT else (GPU_TAINT,)


def template_tag(resource: str) -> str:
    """Azure tag that tells the cluster autoscaler of a resource; a tag's name cannot hold a slash."""
    return _TEMPLATE + resource.replace("/", "_")


def template_tags(unit: Accelerator) -> dict[str, str]:
    """Azure tags that tell the cluster autoscaler what a node will offer before there is one.

    By itself it assumes as many `nvidia.com/gpu` as the size has GPUs: too few for slices, and wrong where
    slices go by their profile, which it would then offer to pods that no new node could take.
    """
    tags = {template_tag(unit.resource): str(unit.per_node)}
    if unit.resource != WHOLE_GPU:
        tags[template_tag(WHOLE_GPU)] = "0"
    return tags
