"""How figures are told: the same on a screen, in a pull request and in a picture."""

from inference_stack.planner import Accelerator, PlannedModel, PlannedPool, Range
from inference_stack.spec import Priority

UNKNOWN = "unknown"
MINUTES_FROM = 120
FRACTIONS = {0.25: "¼", 0.5: "½", 0.75: "¾"}


def usd(value: float | None) -> str:
    """An amount, to the cent where cents count."""
    if value is None:
        return UNKNOWN
    return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"


def number(value: float) -> str:
    """Three digits that count, and no more."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")


def percent(part: float) -> str:
    """A part of one."""
    return f"{part * 100:.0f} %"


def gib(value: float) -> str:
    """Memory, to a tenth, without the unit."""
    return f"{value:.1f}"


def between(low: float, high: float) -> str:
    """A span."""
    return f"{number(low)}–{number(high)}"


def span(figure: Range) -> str:
    """The bounds of a predicted figure."""
    return between(figure.low, figure.high)


def bounds(least: int, most: int) -> str:
    """How few and how many there may be."""
    return str(most) if least == most else f"{least}–{most}"


def counted(count: int, noun: str) -> str:
    """`1 warning`, `2 warnings`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def duration(*seconds: float) -> str:
    """A time that a person waits, or its bounds: in minutes from two on."""
    if len(seconds) > 1 and min(seconds) < MINUTES_FROM <= max(seconds):
        return "–".join(map(duration, seconds))
    minutes = max(seconds) >= MINUTES_FROM
    told = "–".join(f"{each / 60:.0f}" if minutes else f"{each:.0f}" for each in seconds)
    return f"{told} {'min' if minutes else 's'}"


def accelerator(unit: Accelerator) -> str:
    """What one unit is called."""
    return unit.profile or unit.gpu


def offer(pool: PlannedPool) -> str:
    """What one node of a pool offers."""
    unit = pool.accelerator
    cut = (
        f"{unit.per_node} × {unit.profile} of {unit.gpu}" if unit.profile else f"{unit.per_node} × {unit.gpu}"
    )
    return cut + (", Spot" if pool.priority is Priority.SPOT else "")


def place(model: PlannedModel, pool: PlannedPool) -> str:
    """What one replica runs on."""
    taken = FRACTIONS.get(model.share, number(model.share)) if model.share < 1 else str(model.units)
    return f"{taken} × {accelerator(pool.accelerator)}"


def sharding(tensor: int, pipeline: int) -> str:
    """How a replica is spread over its units."""
    return f"TP{tensor}" + (f"×PP{pipeline}" if pipeline > 1 else "")


def short(checkpoint: str) -> str:
    """A checkpoint without the organisation that publishes it."""
    return checkpoint.rpartition("/")[2]
