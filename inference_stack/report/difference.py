"""What changes between two plans, on a screen and in a pull request."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inference_stack.planner.difference import Change, Changed, Difference

from .figures import number, usd
from .findings import place_of
from .markdown import folded, plain, table

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
STYLES = {"+": "green", "~": "yellow", "-": "red"}
NOTHING = "Nothing changes."
PRICE, POOLS, MODELS, QUOTA, FINDINGS = "USD an hour", "pools", "models", "quota", "findings"


@dataclass(frozen=True)
class Entry:
    """Something that comes, goes or changes, and what of it, in words."""

    sign: str
    name: str
    changes: tuple[str, ...]


def render_difference(found: Difference, against: str) -> RenderableType:
    """The difference for a Rich console; `against` is what the old plan is called."""
    told: list[RenderableType] = [Text(f"against {against}", "bold")]
    for title, entries in _sections(found):
        told += [Text(), Text(title, "bold"), _table(entries)]
    return Group(*told) if found else Group(*told, Text(NOTHING))


def markdown_difference(found: Difference, against: str) -> str:
    """The difference as GitHub-flavoured Markdown."""
    told = [f"### Against {plain(against)}"] + ([] if found else [NOTHING])
    for title, entries in _sections(found):
        rows = [
            (entry.sign, f"**{plain(entry.name)}**", "<br>".join(map(plain, entry.changes)))
            for entry in entries
        ]
        told_table = table(("", title, "changes"), rows)
        told.append(told_table if title != QUOTA else folded(title, told_table))
    return "\n\n".join(told) + "\n"


def _sections(found: Difference) -> Iterator[tuple[str, list[Entry]]]:
    """What there is to tell, the gravest first."""
    sections = {
        PRICE: [_price(change) for change in found.price],
        POOLS: [_entry(changed) for changed in found.pools],
        MODELS: [_entry(changed) for changed in found.models],
        QUOTA: [_entry(changed) for changed in found.quota],
        FINDINGS: list(_findings(found)),
    }
    yield from ((title, entries) for title, entries in sections.items() if entries)


def _price(change: Change) -> Entry:
    old, new = (value if isinstance(value, int | float) else 0 for value in (change.old, change.new))
    name = change.what.replace("_usd_per_hour", "").replace("_", " ")
    sign = "+" if new > old else "-"
    return Entry("~", name, (f"{usd(old)} → {usd(new)} ({sign}{usd(abs(new - old))})",))


def _entry(changed: Changed) -> Entry:
    if changed.how == "changed":
        told = tuple(
            f"{change.what} {_value(change.old)} → {_value(change.new)}" for change in changed.changes
        )
    else:
        values = ((each.what, each.new if changed.how == "added" else each.old) for each in changed.changes)
        told = (", ".join(f"{what} {_value(value)}" for what, value in values if value not in (None, [])),)
    return Entry(SIGNS[changed.how], changed.name, told)


def _findings(found: Difference) -> Iterator[Entry]:
    for sign, findings in (("+", found.findings_new), ("-", found.findings_gone)):
        for each in findings:
            yield Entry(sign, f"{each.severity.value} {each.code}", (f"{place_of(each)} {each.what}",))


def _value(value: JsonValue) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)


def _table(entries: list[Entry]) -> Table:
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    shown.add_column(overflow="fold")
    for entry in entries:
        shown.add_row(
            Text(entry.sign, STYLES[entry.sign]), Text(entry.name, "bold"), Text("\n".join(entry.changes))
        )
    return shown
