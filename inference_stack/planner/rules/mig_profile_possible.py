"""A pool may be cut only as AKS can cut the GPUs of its size."""

from pydantic import Field

from inference_stack.catalog import Catalog
from inference_stack.spec import Finding

from .facts import Facts


class MigFacts(Facts):
    """What decides whether a pool can be cut."""

    vm_size: str = Field(description="ARM's vmSize.")
    gpu_instance_profile: str | None = Field(description="ARM's gpuInstanceProfile; None for whole GPUs.")


def mig_profile_possible(facts: MigFacts, catalog: Catalog) -> Finding | None:
    """The finding, if AKS makes no such slice on this size. A size outside the catalog is not judged."""
    profile = facts.gpu_instance_profile
    if profile is None or facts.vm_size not in catalog.skus or catalog.mig(facts.vm_size, profile):
        return None
    sku = catalog.skus[facts.vm_size]
    slices = catalog.profiles(facts.vm_size)
    return Finding(
        code="mig-profile-impossible",
        path="gpu_instance_profile",
        given=profile,
        what=(
            f"cannot be made on {facts.vm_size}: AKS cuts A100, H100 and H200 GPUs, "
            f"and this size has {sku.gpu or 'no GPU'}"
        ),
        allowed=", ".join(f"{row.aks_profile} ({row.per_gpu} × {row.profile})" for row in slices)
        or "whole GPUs: no MIG profile on this size",
    )
