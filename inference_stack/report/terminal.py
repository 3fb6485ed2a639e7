"""A plan on one screen: what runs where, whether it is fast enough, what it costs, what to know."""

import io
from collections.abc import Collection, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inference_stack.planner import Plan, PlannedModel, PlannedPool
from inference_stack.spec import Finding, Severity

from . import summary
from .details import CELLS, bar, facts
from .figures import counted, offer
from .filling import EMPTY, Part, strip
from .findings import advice, by_severity, place_of
from .summary import HELD, LIKELY, MARKS, MISSED, Latency, Line, lines

WIDTH = 100
"""Columns that a report takes at most, and where nobody knows how many there are."""

MOST_ALIKE = 3
"""Warnings of a code that are told, unless details are asked for."""

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
MARK_STYLES = {HELD: "green", LIKELY: "yellow", MISSED: "bold red", "": ""}
PART_STYLES = {
    Part.WEIGHTS: "blue",
    Part.DRAFT: "cyan",
    Part.ADAPTERS: "yellow",
    Part.WORK: "magenta",
    Part.KV: "green",
}


def text(plan: Plan, width: int = WIDTH) -> str:
    """The report as plain text, for a log or a diagnostic."""
    return _plain(render(plan), width)


def show(told: RenderableType) -> None:
    """Print for a person: as wide as the terminal, but no wider than can be read at a glance."""
    console = Console()
    if console.is_terminal:
        Console(width=min(console.width, WIDTH)).print(told)
    else:
        console.file.write(_plain(told, WIDTH) + "\n")


def render(plan: Plan, details: Collection[str] | None = None) -> RenderableType:
    """The report for a Rich console; with details of the models named, or of all where none is named."""
    report: list[RenderableType] = [
        Text(summary.heading(plan), "bold"),
        Text(summary.about_prices(plan), "dim"),
        Text(),
    ]
    report += [_pools(plan)] if plan.pools else []
    report += [Text(told, "dim") for told in (summary.cpu_pools(plan), *summary.reservations(plan))]
    report += [Text()]
    report += [_models(plan)] if plan.models else []
    report += [Text(f"on devices: {edge}") for edge in summary.edge_models(plan)]
    report += _legend(plan)
    if details is not None:
        chosen = [model for model in plan.models if not details or model.name in details]
        report += [Group(Text(), _details(model)) for model in chosen]
        report += [Text(), Text("quota", "bold"), *map(Text, summary.quota(plan))] if plan.quota else []
    report += _findings(plan, every=details is not None)
    return Group(*report)


def _plain(told: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(told)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _table(*columns: str, gap: int = 2, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _pools(plan: Plan) -> Table:
    table = _table(
        "pool", "size, and what a node offers", "nodes", "USD/h", "filled at peak", right=("USD/h",)
    )
    for pool in plan.pools:
        price = summary.rate_of(plan, pool.sku, pool.usd_per_node_hour)
        table.add_row(
            _pool_name(pool),
            _two(pool.sku, offer(pool)),
            _two(summary.pool_nodes(pool), "\n".join(summary.pool_terms(pool, plan))),
            price,
            _strip(plan, pool),
        )
    return table


def _pool_name(pool: PlannedPool) -> Text:
    return _two(pool.name, summary.pool_origin(pool), "bold")


def _strip(plan: Plan, pool: PlannedPool) -> Text:
    told = Text(strip(plan, pool) or "nobody")
    told.highlight_regex(EMPTY, "bold red")
    return told


def _models(plan: Plan) -> Table:
    """Models with two lines each; columns that nobody can fill are left out."""
    told = lines(plan)
    columns: dict[str, list[Text | Group | str]] = {
        "": [Text(line.key, "bold") for line in told],
        "model": [_name(line) for line in told],
        "a replica runs on": [_place(line) for line in told],
        "TTFT ms": [_latency(line.ttft) for line in told],
        "TPOT ms": [_latency(line.tpot) for line in told],
        "users": [_two(str(line.users), line.rate) for line in told],
        "busy": [Text(summary.utilization(line), "bold red" if line.idle else "") for line in told],
        "USD/M": [_prices(line) for line in told],
        "cold": [line.cold_start for line in told],
    }
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    table = _table(*filled, gap=1 if len(filled) > 6 else 2, right=("busy", "USD/M"))
    # Where room is short, names give way first.
    table.columns[2].no_wrap, table.columns[2].overflow = True, "ellipsis"
    for row in zip(*filled.values(), strict=True):
        table.add_row(*row)
    return table


def _name(line: Line) -> Group:
    adapters = f" +{line.adapters} LoRA" if line.adapters else ""
    # Names are told in full; what is loaded, as far as there is room.
    loaded = Text(line.checkpoint, "dim", no_wrap=True, overflow="ellipsis")
    return Group(Text.assemble((line.name, "bold"), (adapters, "cyan")), loaded)


def _place(line: Line) -> Text:
    prefill = f"\n{line.prefill}" if line.prefill else ""
    return _two(line.place, f"{line.spread} × {line.replicas}{prefill}")


def _two(first: str, second: str, style: str = "") -> Text:
    """A line over a fainter one."""
    return Text.assemble((first, style), *((("\n" + second, "dim"),) if second else ()))


def _latency(latency: Latency | None) -> Text:
    if latency is None:
        return Text("")
    told = _two(latency.told, latency.range)
    if latency.mark:
        told.highlight_words([latency.mark], MARK_STYLES[latency.mark])
    return told


def _prices(line: Line) -> Text:
    return _two(f"{line.usd_input} in", f"{line.usd_output} out") if line.usd_input else Text("")


def _legend(plan: Plan) -> Iterator[Text]:
    told = lines(plan)
    marks = {latency.mark for line in told for latency in (line.ttft, line.tpot) if latency} - {""}
    if marks:
        yield Text("SLO: " + ", ".join(f"{mark} {MARKS[mark]}" for mark in MARKS if mark in marks), "dim")


def _details(model: PlannedModel) -> Table:
    table = Table(
        box=None, pad_edge=False, show_header=False, title_justify="left", title=Text(model.name, "bold")
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for fact in facts(model):
        lines = Text("\n".join(fact.lines))
        table.add_row(fact.label, Group(_bar(model), lines) if fact.label == "memory" else lines)
    return table


def _bar(model: PlannedModel) -> Text:
    told = Text()
    for part, count in bar(model.memory):
        told.append(CELLS[part] * count, PART_STYLES[part])
    return told


def _findings(plan: Plan, *, every: bool) -> Iterator[RenderableType]:
    for severity, codes in by_severity(plan.findings):
        style = STYLES[severity]
        brief = severity is Severity.NOTE and not every
        heading = counted(sum(len(alike) for _, alike in codes), severity.value)
        yield Text()
        yield Text(heading + (": --details tells them in full" if brief else ""), style)
        for code, alike in codes:
            told = [_brief(code, alike, style)] if brief else _told(code, alike, style, every=every)
            yield from (Padding(line, (0, 0, 0, indent)) for indent, line in told)


def _brief(code: str, alike: Sequence[Finding], style: str) -> tuple[int, Text]:
    """A line for all findings of a code, cut off where the page ends."""
    number = f" ×{len(alike)}" if len(alike) > 1 else ""
    told = Text.assemble((code, style), f"{number} {place_of(alike[0])} {alike[0].what}")
    told.no_wrap, told.overflow = True, "ellipsis"
    return 2, told


def _told(code: str, alike: Sequence[Finding], style: str, *, every: bool) -> Iterator[tuple[int, Text]]:
    shown = alike if every else alike[:MOST_ALIKE]
    for found in shown:
        yield 2, Text.assemble((code, style), f" {place_of(found)} {found.what}")
        yield from ((4, Text(line)) for line in advice(found))
    if len(alike) > len(shown):
        yield 2, Text(f"and {len(alike) - len(shown)} more of {code}: --details", "dim")
