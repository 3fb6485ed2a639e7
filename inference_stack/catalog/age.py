"""Rows that nobody looked at for long."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from .rows import Row, Sku

STALE_AFTER_DAYS = 90


class Stale(NamedTuple):
    """A row, or the price in it, whose source was read too long ago."""

    table: str
    name: str
    """The row: a size, GPU, model or class of use."""
    what: str
    """The row itself, or one of its prices."""
    seen: date
    days: int
    """Days since then."""

    @property
    def told(self) -> str:
        """In words, for a finding."""
        return f"{self.what} of {self.name} was last read {self.days} days ago, on {self.seen:%Y-%m-%d}"


def stale(tables: Iterable[tuple[str, str, Row]], today: date) -> Iterator[Stale]:
    """What is older than 90 days on that day, row by row as given: table, name, row."""
    for table, name, row in tables:
        for what, seen in _dates(row):
            days = (today - seen).days
            if days > STALE_AFTER_DAYS:
                yield Stale(table, name, what, seen, days)


def _dates(row: Row) -> Iterator[tuple[str, date]]:
    yield "the row", row.seen
    if isinstance(row, Sku):
        prices = {
            "the list price": row.price_date,
            "the Spot price": row.spot_date,
            "the reserved price": row.reserved_date,
        }
        yield from ((what, seen) for what, seen in prices.items() if seen is not None)
