"""The card that an engine has, as far as a manifest tells: Ray's type of it, and Kubernetes' resource."""

import re
from functools import cache

from inference_stack.catalog import CATALOG

from .rules import Gpu

SLICE = re.compile(r"nvidia\.com/mig-((\d+)g\.(\d+)gb)\b.*")

GIB = 1e9 / 2**30


@cache
def card(accelerator_type: str | None, resource: str | None = None) -> Gpu | None:
    """The card of Ray's type, or the slice of it that a Kubernetes resource names; None if nothing does.

    Where cards of several sizes have one type, it is the smallest: what it has, the others have too. A slice
    that is not in the catalog has the memory in its name, and a capability that no rule refuses.
    """
    cards = sorted(
        (each for each in CATALOG.gpus.values() if each.ray_type and each.ray_type == accelerator_type),
        key=lambda each: each.memory_gib,
    )
    match = SLICE.fullmatch(resource or "")
    if match is None:
        return Gpu(cards[0].name, cards[0].memory_gib, cards[0].capability) if cards else None
    profile, _, gigabytes = match.groups()
    for each in cards or CATALOG.gpus.values():
        for row in CATALOG.slices(each.name):
            if row.profile == profile:
                return Gpu(f"{each.name} {profile}", row.memory_gib, each.capability, slice=True)
    capability = cards[0].capability if cards else (10, 0)
    return Gpu(profile, int(gigabytes) * GIB, capability, slice=True)
