"""How fast a replica answers."""

from .estimate import speed
from .load import Arrival, Load, Range, Speed

__all__ = ["Arrival", "Load", "Range", "Speed", "speed"]
