"""What a source says of its GPUs, and the pool of Azure's that comes to the same."""

import re
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from inference_stack.catalog import CATALOG, Catalog, MigRow, Sku
from inference_stack.engine.document import mapping, mappings
from inference_stack.engine.schema import joined
from inference_stack.planner.silicon import SiliconError, gpu_row

from .served import Hardware, Served

SLICE = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb)")
SIZE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
CARD_LABELS = (
    *("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "gpu.nvidia.com/class"),
    *("karpenter.k8s.aws/instance-gpu-name", "eks.amazonaws.com/instance-gpu-name"),
)
"""Labels of nodes that name their card, of NVIDIA's operator and of clouds."""


class Pool(NamedTuple):
    """A kind of pool: models that want the same share one."""

    sku: str
    mig: str | None
    """AKS's profile."""

    @property
    def name(self) -> str:
        """At most seven letters and digits, the first a letter."""
        row = CATALOG.skus[self.sku]
        card = re.sub(r"[^a-z0-9]", "", str(row.gpu).split("-", 1)[0].lower())
        return f"{card}{self.mig[-2:] if self.mig else f'x{row.gpus}'}"[:7]


def pod_hardware(pod: Mapping[str, Any], path: str) -> Hardware:
    """What the spec of a pod says of the GPUs that it wants."""
    gpu = sku = cut = None
    for label, value in mapping(pod, "nodeSelector").items():
        place = joined(path, "nodeSelector", label)
        if label in SIZE_LABELS and str(value).startswith("Standard_"):
            sku = (place, str(value))
        elif label in CARD_LABELS:
            gpu = (place, str(value))
    for index, container in mappings(pod, "containers"):
        for kind in ("limits", "requests"):
            for name in mapping(container, "resources", kind):
                if cut is None and (found := SLICE.fullmatch(name)):
                    cut = (joined(path, "containers", index, "resources", kind, name), found.group(1))
    return Hardware(gpu, sku, cut)


def pool_of(hardware: Hardware, units: int, catalog: Catalog = CATALOG) -> Pool | str | None:
    """The smallest Azure size that has what a source asks for; or why there is none.

    None where the source names no GPU.
    """
    if hardware.sku:
        sku = catalog.skus.get(hardware.sku[1])
        if sku is None or not sku.gpus:
            return "no Azure size with GPUs of this name is known"
        return _cut([sku], hardware, catalog)
    if hardware.gpu is None:
        if hardware.slice is None:
            return None
        fitting = [each for each in catalog.skus.values() if each.gpus and each.new_capacity]
        return _cut(sorted(fitting, key=_size), hardware, catalog)
    try:
        card = gpu_row(hardware.gpu[1]).ray_type
    except SiliconError:
        return "no GPU of this name is known"
    fitting = [
        sku
        for sku in catalog.skus.values()
        if sku.gpu and catalog.gpus[sku.gpu].ray_type == card and (hardware.slice or sku.gpus >= units)
    ]
    if not fitting:
        return (
            f"no Azure size that is known has {units} of it" if units > 1 else "Azure is not known to have it"
        )
    return _cut(sorted(fitting, key=_size), hardware, catalog)


def nodes(pool: Pool, asked: Sequence[Served], catalog: Catalog = CATALOG) -> int:
    """Nodes that hold every replica of several engines at their most."""
    sku = catalog.skus[pool.sku]
    cut = catalog.mig(pool.sku, pool.mig) if pool.mig else None
    units = sku.gpus * (cut.per_gpu if cut else 1)
    return sum(
        ceil((served.replicas or (0, 1))[1] * served.stages * min(served.units, units) / units)
        for served in asked
    )


def _size(sku: Sku) -> tuple[bool, int, str]:
    return not sku.new_capacity, sku.gpus, sku.name


def _cut(skus: Sequence[Sku], hardware: Hardware, catalog: Catalog) -> Pool | str:
    if hardware.slice is None:
        return Pool(skus[0].name, None)
    for sku in skus:
        for row in catalog.profiles(sku.name):
            if _is(row, hardware.slice[1]):
                return Pool(sku.name, row.aks_profile)
    return "AKS cuts no such slice from it"


def _is(row: MigRow, profile: str) -> bool:
    return bool(row.aks_profile) and row.profile == profile
