"""How far the KV cache of a real start-up may lie from the estimate."""

from typing import NamedTuple

from inference_stack.catalog.architecture import Attention, Experts

from ..replica import Replica
from .versions import minor


class Margin(NamedTuple):
    """GiB below and above the estimate."""

    below_gib: float
    above_gib: float


ROUNDING_GIB = 0.1
"""Where every part is derived: a dense model on one GPU, in a release whose logs were seen."""
EXPERTS_GIB = 0.3
TOWERS_GIB = 0.3
"""Encoders are profiled with the largest item that their processor makes, which is not modelled."""
STATES_GIB = 1.0
"""Kernels of recurrent layers compile at start and keep memory outside of torch: 0.3 to 3.8 GiB logged."""
UNITS_GIB = 0.3
"""What units that talk to each other hold varies by release, driver and topology: 0.5 to 2.2 GiB logged."""
UNSEEN_RELEASE_GIB = 0.6
SEEN_RELEASES = range(17, 20)
"""Minor releases whose start-up logs the parts were checked on."""


def margin(replica: Replica) -> Margin:
    """Nine of ten start-ups lie within; single causes are added as they are independent: by squares."""
    causes = [ROUNDING_GIB, 0.002 * replica.silicon.memory_gib]
    if any(isinstance(block.feed_forward, Experts) for _, block in replica.model.blocks):
        causes.append(EXPERTS_GIB)
    if not all(isinstance(block.mixer, Attention) for _, block in replica.model.blocks):
        causes.append(STATES_GIB)
    if replica.model.towers:
        causes.append(TOWERS_GIB)
    release = minor(replica.engine.version)
    if release not in SEEN_RELEASES:
        causes.append(UNSEEN_RELEASE_GIB)
    if replica.units > 1:
        causes.append(UNITS_GIB if release in SEEN_RELEASES else 2 * UNITS_GIB)
    if replica.silicon.gpu != "H100-SXM-80GB":
        causes.append(ROUNDING_GIB)
    width = sum(cause**2 for cause in causes) ** 0.5
    return Margin(width, width)
