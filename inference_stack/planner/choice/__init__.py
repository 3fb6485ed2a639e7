"""Where each model runs, in which form and how many times, at the least price for all of them together."""

from .choose import Choice, Placed, choose, choose_nothing
from .demand import Asked, Demand, asked, expected, precision, variants
from .devices import edge_models
from .planned_models import planned_models
from .planned_pools import planned_pools

__all__ = [
    "Asked",
    "Choice",
    "Demand",
    "Placed",
    "asked",
    "choose",
    "choose_nothing",
    "edge_models",
    "expected",
    "planned_models",
    "planned_pools",
    "precision",
    "variants",
]
