"""What NVIDIA's device plugin tells Kubernetes of a node's GPUs."""

from collections.abc import Iterable

from lightkube.models.core_v1 import PodSpec

from inference_stack.catalog import MigRow
from localcloud.cluster.pool import Pool

GPU = "nvidia.com/gpu"
_IMAGE = "k8s-device-plugin"


def gpu_resources(pool: Pool, daemons: Iterable[PodSpec]) -> dict[str, int]:
    """GPU resources of a node on which these DaemonSet pods run, by name.

    Without a device plugin there are none, nor without AKS's driver. GPUs that are cut into slices show as
    `nvidia.com/gpu` under the strategy `single`, by profile under `mixed`, and not at all under `none`, where
    the plugin cannot hand out a GPU in MIG mode. The strategy is the plugin's MIG_STRATEGY (default none).
    """
    strategies = [strategy for spec in daemons if (strategy := _strategy(spec))]
    if not strategies or not pool.size.gpus or not pool.gpu_driver:
        return {}
    if pool.mig is None:
        return {GPU: pool.size.gpus}
    slices = pool.size.gpus * pool.mig.per_gpu
    named = {"single": GPU, "mixed": mig_resource(pool.mig)}
    return {named[strategy]: slices for strategy in strategies if strategy in named}


def mig_resource(slices: MigRow) -> str:
    """The resource that names slices by their profile."""
    return f"nvidia.com/mig-{slices.profile}"


def _strategy(spec: PodSpec) -> str | None:
    for container in spec.containers:
        if _IMAGE in (container.image or ""):
            environment = {one.name: one.value for one in container.env or []}
            return environment.get("MIG_STRATEGY") or "none"
    return None
