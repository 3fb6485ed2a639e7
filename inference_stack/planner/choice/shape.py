"""Over how many units a replica may be dealt out, and what forbids the other ways."""

from collections.abc import Iterator
from dataclasses import dataclass

from inference_stack.catalog.architecture import Architecture, Layout
from inference_stack.planner.dealing import divides

from .offer import Offer

WIDTHS = (1, 2, 4, 8)
"""Units that the plan tries, smallest first: powers of two, so that replicas leave no gap on a node."""


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """How a replica is dealt out."""

    tensor_parallel: int
    pipeline_parallel: int = 1

    @property
    def units(self) -> int:
        """GPUs or slices that it spans."""
        return self.tensor_parallel * self.pipeline_parallel


def shapes(offer: Offer, architecture: Architecture, layout: Layout) -> Iterator[Shape]:
    """Every way in which the plan may deal a model out over the units of one node.

    Neither tensor nor pipeline parallel spans slices. Stages are tried only over GPUs that no NVLink joins:
    where there is one, tensor parallel over the same GPUs answers sooner and holds as much.
    """
    for width in WIDTHS:
        if width > offer.unit.per_node or (width > 1 and offer.unit.profile):
            return
        if divides(architecture, layout, width):
            yield Shape(width)
        if offer.linked(width).link_gb_s is not None and divides(architecture, layout, width):
            continue
        for stages in WIDTHS[1:]:
            if stages <= min(width, architecture.layers) and divides(architecture, layout, width // stages):
                yield Shape(width // stages, stages)
