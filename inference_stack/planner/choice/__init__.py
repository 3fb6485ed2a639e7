"""Where each model runs, in which form and how many times, at the least price for all of them together."""

from .choose import Choice, Placed, choose, choose_nothing
from .demand import Demand, precision, variants
from .planned_models import planned_models
from .planned_pools import planned_pools

__all__ = [
    "Choice",
    "Demand",
    "Placed",
    "choose",
    "choose_nothing",
    "planned_models",
    "planned_pools",
    "precision",
    "variants",
]
