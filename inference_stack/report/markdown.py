"""A plan for a pull request: the summary in tables, the rest folded away."""

import re
from collections.abc import Iterable, Iterator, Sequence

from inference_stack.planner import Plan, PlannedModel
from inference_stack.spec import Finding, InvalidEnvironment, Severity

from . import summary
from .details import facts
from .figures import counted, offer
from .filling import keys, strip
from .findings import advice, by_severity, place_of
from .summary import MARKS, Latency, Line, lines

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&@!$])")
"""What GitHub would read as something else than itself."""

SIGNS = {Severity.ERROR: "🛑", Severity.WARNING: "⚠️", Severity.NOTE: "📝"}
MODELS = (
    "",
    "model",
    "a replica runs on",
    "TTFT ms",
    "TPOT ms",
    "users",
    "busy",
    "USD/M tokens in · out",
    "cold start",
)
POOLS = ("pool", "size", "a node offers", "nodes", "USD/h", "filled at peak")


LONGEST = 65_536
"""Characters that GitHub takes in a comment or a description."""


def markdown(plan: Plan, longest: int = LONGEST) -> str:
    """The plan as GitHub-flavoured Markdown; the same plan makes the same text.

    Details are given for as many models as `longest` characters hold, and it is said where some are missing.
    """
    told, letters = _joined(_blocks(plan)), keys(plan)
    for index, model in enumerate(plan.models):
        details = "\n" + _details(model, letters[model.name]) + "\n"
        missing = len(plan.models) - index
        rest = f"\nDetails of {counted(missing, 'more model')}: `inference-stack plan --details`\n"
        if len(told) + len(details) + (len(rest) if missing > 1 else 0) > longest:
            return told + rest
        told += details
    return told


def markdown_faults(wrong: InvalidEnvironment) -> str:
    """What forbids a plan."""
    title = f"### {plain(wrong.file)}: {counted(len(wrong.findings), 'error')}, nothing was created"
    return _joined([title, *_findings(wrong.findings)])


def plain(text: str) -> str:
    """Text that means nothing but itself, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    told = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in told)


def folded(title: str, *blocks: str) -> str:
    """Blocks behind a title that is Markdown already."""
    return _joined([f"<details><summary>{title}</summary>", *blocks, "</details>"]).rstrip()


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _blocks(plan: Plan) -> Iterator[str]:
    name, cost = summary.heading(plan).split(": ", 1)
    yield f"### {plain(name)}"
    yield f"**{plain(cost)}** ({plain(summary.about_prices(plan))})"
    if plan.models:
        yield table(MODELS, map(_model, lines(plan)))
        yield from _legend(lines(plan))
        yield table(POOLS, _pools(plan))
    yield "<br>".join(map(plain, (summary.cpu_pools(plan), *summary.reservations(plan))))
    yield from (f"- on devices: {plain(edge)}" for edge in summary.edge_models(plan))
    yield from _findings(plan.findings)
    if plan.quota:
        yield folded("quota", "\n".join(f"- {plain(use)}" for use in summary.quota(plan)))


def _model(line: Line) -> tuple[str, ...]:
    adapters = f" +{line.adapters} LoRA" if line.adapters else ""
    busy = summary.utilization(line)
    return (
        f"**{line.key}**",
        f"**{plain(line.name)}**{adapters}<br>{plain(line.checkpoint)}",
        "<br>".join(map(plain, _place(line))),
        _latency(line.ttft),
        _latency(line.tpot),
        _under(str(line.users), line.rate),
        f"**{busy}** ⚠️" if line.idle else busy,
        f"{line.usd_input} · {line.usd_output}" if line.usd_input else "",
        line.cold_start,
    )


def _place(line: Line) -> tuple[str, ...]:
    placed = (line.place, f"{line.spread} × {line.replicas}")
    return (*placed, line.prefill) if line.prefill else placed


def _latency(latency: Latency | None) -> str:
    return _under(latency.told, latency.range) if latency else ""


def _under(first: str, second: str) -> str:
    return f"{plain(first)}<br>{plain(second)}" if second else plain(first)


def _legend(told: Sequence[Line]) -> Iterator[str]:
    marks = {latency.mark for line in told for latency in (line.ttft, line.tpot) if latency}
    if meant := [f"{mark} {what}" for mark, what in MARKS.items() if mark in marks]:
        yield "SLO: " + ", ".join(meant)


def _pools(plan: Plan) -> Iterator[tuple[str, ...]]:
    for pool in plan.pools:
        origin = summary.pool_origin(pool)
        filled = strip(plan, pool)
        yield (
            f"**{plain(pool.name)}**" + (f" ({plain(origin)})" if origin else ""),
            plain(pool.sku),
            plain(offer(pool)),
            "<br>".join((summary.pool_nodes(pool), *summary.pool_terms(pool, plan))),
            summary.rate_of(plan, pool.sku, pool.usd_per_node_hour),
            f"`{filled}`" if filled else "nobody",
        )


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    for severity, codes in by_severity(findings):
        told = "\n".join(_finding(code, found) for code, alike in codes for found in alike)
        title = f"{SIGNS[severity]} {counted(sum(len(alike) for _, alike in codes), severity.value)}"
        yield folded(title, told) if severity is Severity.NOTE else f"**{title}**\n\n{told}"


def _finding(code: str, found: Finding) -> str:
    told = f"- `{code}` **{plain(place_of(found))}** {plain(found.what)}"
    return told + "".join(f"<br>{plain(line)}" for line in advice(found))


def _details(model: PlannedModel, key: str) -> str:
    rows = ((plain(fact.label), "<br>".join(map(plain, fact.lines))) for fact in facts(model))
    return folded(f"{key} {plain(model.name)}", table(("", "details"), rows))
