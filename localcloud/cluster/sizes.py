"""What one machine of an Azure VM size has: the catalog's word, or the name's where the catalog has none."""

import re
from datetime import date

from inference_stack.catalog import CATALOG, MigRow, Sku

_GENERAL = re.compile(r"Standard_(?P<family>[DE])(?P<vcpu>\d+)(?P<features>[a-z]*)_v[56]")


class UnknownSizeError(ValueError):
    """Neither the catalog nor the name of a VM size says what it has."""


def vm_size(name: str) -> Sku:
    """Hardware of a size of the catalog, or of a D or E size of generation 5 or 6 by its name.

    Such a name states the vCPUs. Memory is 4 GiB a vCPU for D (2 with an `l` among the letters) and 8 GiB for
    E, which holds up to 64 vCPU. A `p` among the letters marks an Arm processor.

    Raises `UnknownSizeError` for any other size.
    """
    if known := CATALOG.skus.get(name):
        return known
    if not (match := _GENERAL.fullmatch(name)):
        close = ", ".join(CATALOG.nearest(name, CATALOG.skus)) or "none is close"
        raise UnknownSizeError(
            f"VM size {name!r} is unknown; allowed are the sizes of the catalog (close to it: {close}) "
            "and D and E sizes of v5 and v6"
        )
    vcpu, features = int(match["vcpu"]), match["features"]
    return Sku(
        name=name,
        vcpu=vcpu,
        memory_gib=vcpu * (8 if match["family"] == "E" else 2 if "l" in features else 4),
        arch="arm64" if "p" in features else "amd64",
        quota_family="",
        price_verified=False,
        source="the size's name",
        date=date(2026, 11, 24),
    )


def mig_slices(size: str, gpu_instance_profile: str) -> MigRow:
    """What AKS's `gpuInstanceProfile` (MIG1g … MIG7g) makes of each GPU of a size.

    Raises `UnknownSizeError` where AKS does not cut the size's GPUs so.
    """
    if slices := CATALOG.mig(size, gpu_instance_profile):
        return slices
    allowed = ", ".join(row.aks_profile for row in CATALOG.profiles(size)) or "none"
    raise UnknownSizeError(f"{size} has no MIG profile {gpu_instance_profile!r}; allowed: {allowed}")
