"""A plan on one screen: what runs where, how full it is, what it costs, what to know."""

import io

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from inference_stack.planner import MemoryBudget, Plan, PlannedModel, PlannedPool
from inference_stack.spec import CpuPool, Finding, Severity

BAR_CELLS = 24
MEMORY = "memory of a unit"
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def text(plan: Plan, width: int = 100) -> str:
    """The report as plain text, for a log or a diagnostic."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(plan))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def render(plan: Plan) -> RenderableType:
    """The report for a Rich console."""
    parts: list[RenderableType] = [_heading(plan), _pools(plan), Text(), _models(plan), _legend()]
    if plan.findings:
        parts += [Text(), *map(_finding, plan.findings)]
    return Group(*parts)


def _heading(plan: Plan) -> Text:
    price, budget = plan.price, plan.environment.budget
    line = Text.assemble(
        (plan.name, "bold"),
        f" in {plan.environment.region}: ",
        (f"{price.idle_usd_per_hour:.2f}", "bold"),
        " USD an hour idle, ",
        (f"{price.peak_usd_per_hour:.2f}", "bold"),
        " at peak, list price",
    )
    if budget:
        line.append(f", budget {budget.usd_per_hour:.2f}")
    if price.unpriced:
        line.append(" (without " + ", ".join(price.unpriced) + ")")
    return line


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column == MEMORY
        )
    return table


def _pools(plan: Plan) -> Table:
    table = _table("pool", "size", "a node offers", "nodes", "USD/h a node", right=("nodes", "USD/h a node"))
    for pool in plan.pools:
        price = _price(plan, pool.sku, pool.usd_per_node_hour)
        table.add_row(pool.name, pool.sku, _offer(pool), _range(pool.nodes.min, pool.nodes.max), price)
    cluster = plan.environment.cluster
    for name, pool in (("heads", cluster.heads), ("system", cluster.system)):
        table.add_row(
            name, pool.sku, "no GPU", _range(pool.nodes.min, pool.nodes.max), _cpu_price(plan, pool)
        )
    return table


def _offer(pool: PlannedPool) -> str:
    unit = pool.accelerator
    spot = ", Spot" if pool.priority == "Spot" else ""
    if unit.profile is None:
        return f"{unit.per_node} × {unit.gpu}{spot}"
    return f"{unit.per_node} × {unit.profile} of {unit.gpu}{spot}"


def _price(plan: Plan, sku: str, usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return f"{usd:.2f}?" if sku in plan.price.unverified else f"{usd:.2f}"


def _cpu_price(plan: Plan, pool: CpuPool) -> str:
    return _price(plan, pool.sku, plan.price.usd_per_node_hour.get(pool.sku))


def _models(plan: Plan) -> Table:
    table = _table("model", "runs on", MEMORY, "tokens × requests", "replicas")
    pools = {pool.name: pool for pool in plan.pools}
    for model in plan.models:
        table.add_row(
            _who(model),
            _where(model, pools[model.pool]),
            _memory(model.memory),
            f"{model.context_tokens} × {model.concurrency}\nKV holds {model.memory.kv_tokens}",
            _range(model.replicas_min, model.replicas_max),
        )
    return table


def _who(model: PlannedModel) -> Text:
    who = Text.assemble((model.name, "bold"), f"\n{model.source}\n", (model.licence, "dim"))
    if model.adapters:
        who.append("\n+ " + ", ".join(model.adapters))
    return who


def _where(model: PlannedModel, pool: PlannedPool) -> str:
    unit = pool.accelerator.profile or ("GPU" if model.units == 1 else "GPUs")
    return f"{model.pool}\n{model.units} × {unit}"


def _memory(memory: MemoryBudget) -> Text:
    """A bar of the usable memory, and its figures."""
    others = memory.overhead_gib + memory.adapters_gib
    cells = [round(BAR_CELLS * part / memory.usable_gib) for part in (memory.weights_gib, others)]
    left = max(0, BAR_CELLS - sum(cells))
    return Text.assemble(
        ("█" * cells[0], "blue"),
        ("▒" * cells[1], "magenta"),
        ("░" * left, "green"),
        f"\n{memory.weights_gib:.1f} + {others:.1f} + {memory.kv_gib:.1f} of {memory.usable_gib:.1f} GiB",
    )


def _legend() -> Text:
    return Text.assemble(
        ("memory: ", "dim"), ("█", "blue"), (" weights, ", "dim"), ("▒", "magenta"),
        (" activations, runtime and adapters, ", "dim"), ("░", "green"), (" KV cache", "dim"),
    )  # fmt: skip


def _finding(finding: Finding) -> Text:
    line = "" if finding.line is None else f":{finding.line}"
    told = Text.assemble((finding.severity.value, STYLES[finding.severity]), f" {finding.path}{line} ")
    if finding.given is not None:
        told.append(f"= {finding.given} ")
    told.append(finding.what)
    if finding.allowed is not None:
        told.append(f"; allowed: {finding.allowed}")
    return told


def _range(least: int, most: int) -> str:
    return str(most) if least == most else f"{least}–{most}"
