"""What a pod gets from a node: whole GPUs or MIG slices, and under which Kubernetes resource."""

from inference_stack.catalog import Catalog, Sku
from inference_stack.spec import Mig, MigStrategy

from .plan import Accelerator

WHOLE_GPU = "nvidia.com/gpu"


def accelerator(sku: Sku, mig: Mig | None, catalog: Catalog) -> Accelerator:
    """One unit of a pool. Raises ValueError if the size has no such unit; `rules` say so to users."""
    if sku.gpu is None:
        raise ValueError(f"{sku.name} has no GPU")
    gpu = catalog.gpus[sku.gpu]
    if mig is None:
        return Accelerator(
            gpu=gpu.name,
            ray_type=gpu.ray_type,
            profile=None,
            resource=WHOLE_GPU,
            per_node=sku.gpus,
            memory_gib=gpu.memory_gib,
        )
    slice_ = catalog.mig(sku.name, mig.profile)
    if slice_ is None:
        raise ValueError(f"AKS makes no {mig.profile} on {sku.name}")
    return Accelerator(
        gpu=gpu.name,
        ray_type=gpu.ray_type,
        profile=slice_.profile,
        resource=slice_resource(slice_.profile, mig.strategy),
        per_node=sku.gpus * slice_.per_gpu,
        per_gpu=slice_.per_gpu,
        memory_gib=slice_.memory_gib,
    )


def slice_resource(profile: str, strategy: str) -> str:
    """What NVIDIA's device plugin calls a slice such as 2g.24gb."""
    return f"nvidia.com/mig-{profile}" if strategy == MigStrategy.MIXED else WHOLE_GPU
