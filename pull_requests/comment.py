"""The comment: what changes first, why in folded parts, and what may be cut off last."""

from collections.abc import Iterable, Iterator, Sequence

from inference_stack.planner import Plan, PlannedModel
from inference_stack.report import markdown_difference, markdown_faults
from inference_stack.report.figures import bounds, counted, duration, number, offer, place, usd
from inference_stack.report.filling import strip
from inference_stack.report.markdown import folded, plain, table
from inference_stack.spec import InvalidEnvironment
from pull_requests.changes import ABSENT, Change
from pull_requests.comparison import Compared, Side
from pull_requests.picture import mermaid
from pull_requests.preview import Violation

HOWS = ("replace", "delete", "create", "update")
"""What may hurt most comes first."""
SIGNS = {"create": "+ create", "update": "~ update", "replace": "± **replace**", "delete": "- **delete**"}
_LEVELS = ("mandatory", "advisory")
_SHOWN = 6
"""Properties that are told of one resource; the rest is counted."""
_LINES = 12
"""Of what Pulumi says where it fails."""
_WIDEST = 60
"""Characters of a value."""


def compose(compared: Sequence[Compared], base: str, how: str) -> str:
    """The comment, as GitHub-flavoured Markdown.

    Args:
        compared: every environment that is touched.
        base: what the other side is called.
        how: against what was previewed, in a few words.
    """
    if not compared:
        return "### Nothing here touches an environment\n"
    blocks = ["### What this pull request changes", _overview(compared, base), f"<sub>{plain(how)}</sub>"]
    for each in compared:
        blocks += [f"## {plain(each.environment)}", *_first(each, base)]
    for each in compared:
        blocks += _details(each, base)
    return "\n\n".join(blocks) + "\n"


def _overview(compared: Iterable[Compared], base: str) -> str:
    columns = ("environment", "resources", "USD/h at peak", "policies")
    return table(columns, map(_line, compared)) + f"\n\nFigures are `{plain(base)}` → here."


def _line(each: Compared) -> tuple[str, ...]:
    old, new = _plans(each)
    price = _arrow(*(usd(plan.price.peak.usd_per_hour) if plan else "" for plan in (old, new)))
    return f"**{plain(each.environment)}**", _count(each.changes), price, _verdict(each)


def _count(changes: Sequence[Change] | None) -> str:
    if changes is None:
        return "not known"
    by_how = {how: sum(change.how == how for change in changes) for how in SIGNS}
    return ", ".join(f"{count} to {how}" for how, count in by_how.items() if count) or "no changes"


def _verdict(each: Compared) -> str:
    if each.here is None:
        return "removed"
    if each.here.broken:
        return "🛑 cannot be made"
    if each.here.preview is None:
        return ""
    found = each.here.preview.violations
    told = [
        f"{sum(one.level == level for one in found)} {level}"
        for level in dict.fromkeys([*_LEVELS, *(one.level for one in found)])
        if any(one.level == level for one in found)
    ]
    sign = "🛑" if each.here.preview.forbidden else "⚠️" if told else "✅"
    return f"{sign} {', '.join(told) or counted(len(each.here.preview.policies), 'rule') + ' kept'}"


def _first(each: Compared, base: str) -> Iterator[str]:
    if each.here is None:
        yield "This pull request removes the environment. What was made of it stays until `pulumi destroy`."
    for side, name in ((each.here, "here"), (each.base, base)):
        if side is not None:
            yield from _trouble(side, name, each.environment)
    grave, _ = _ordered(each)
    if grave:
        yield "**Policies**\n\n" + _violations(grave, each)
    yield from _resources(each.changes)
    old, new = _plans(each)
    if found := each.difference:
        yield from _plan_rows(old, new)
        if old and new:
            yield f"```mermaid\n{mermaid(old, new, found)}\n```"
    elif found is None:
        yield from _plan_rows(old, new)
    else:
        yield "The plan stays as it is."


def _trouble(side: Side, name: str, environment: str) -> Iterator[str]:
    if side.faults:
        yield f"**🛑 {plain(name)} has no plan**"
        yield markdown_faults(InvalidEnvironment(f"Pulumi.{environment}.yaml", side.faults)).strip()
    elif side.preview and side.preview.errors:
        yield f"**🛑 {plain(name)} could not be previewed to its end**"
        yield from map(_block, side.preview.errors)


def _block(text: str) -> str:
    """The end of a text as it is: of a traceback, that is where the reason stands."""
    lines = text.replace("```", "'''").splitlines()[-_LINES:]
    return "\n".join(["```text", *lines, "```"])


def _ordered(each: Compared) -> tuple[list[Violation], list[Violation]]:
    """What policies say that is new or forbids, the new first; and the rest."""
    found = each.here.preview.violations if each.here and each.here.preview else ()
    new = each.new_violations or frozenset()
    ordered = sorted(found, key=lambda one: (one not in new, one.level != "mandatory"))
    grave = [one for one in ordered if one in new or one.level == "mandatory"]
    return grave, [one for one in ordered if one not in grave]


def _violations(violations: Iterable[Violation], each: Compared) -> str:
    new = each.new_violations or frozenset()
    rows = (
        (
            "🛑" if one.level == "mandatory" else "⚠️",
            f"{plain(one.level)}{' **new**' if one in new else ''}",
            f"`{_code(one.policy)}`",
            plain(one.urn.rpartition("::")[2]),
            "<br>".join(map(plain, one.message.splitlines())),
        )
        for one in violations
    )
    return table(("", "level", "rule", "resource", "what it says"), rows)


def _resources(changes: Sequence[Change] | None) -> Iterator[str]:
    if changes is None:
        yield "What changes of the resources is not known: one side could not be previewed to its end."
    elif changes:
        yield folded(f"<b>Resources</b>: {_count(changes)}", changes_table(changes))


def changes_table(changes: Iterable[Change]) -> str:
    """What becomes of each resource, and why."""
    ordered = sorted(changes, key=lambda change: (HOWS.index(change.how), change.type, change.name))
    return table(("", "resource", "what differs"), map(_resource, ordered))


def _resource(change: Change) -> tuple[str, ...]:
    told = [
        f"`{_code(each.path)}` {_value(each.old)} → {_value(each.new)}"
        for each in change.differences[:_SHOWN]
    ]
    if (more := len(change.differences) - _SHOWN) > 0:
        told.append(f"and {more} more")
    kind = change.type.removeprefix("azure-native:").removeprefix("kubernetes:")
    return SIGNS[change.how], f"**{plain(change.name)}**<br>{plain(kind)}", "<br>".join(told)


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|").replace("\n", " ")


def _value(value: object) -> str:
    if value is ABSENT:
        return "none"
    told = _code(str(value))
    return f"`{told if len(told) <= _WIDEST else told[: _WIDEST - 1] + '…'}`" if told else "empty"


def _plans(each: Compared) -> tuple[Plan | None, Plan | None]:
    return tuple(side.plan if side else None for side in (each.base, each.here))  # pyright: ignore[reportReturnType]


def _plan_rows(old: Plan | None, new: Plan | None) -> Iterator[str]:
    """The figures that decide, of both plans, or of the only one."""
    if old is None and new is None:
        return
    both = (old, new)
    sums: list[tuple[str, ...]] = [
        ("GPUs, at most", *(str(_units(plan, sliced=None)) if plan else "" for plan in both)),
        ("slices, at most", *(str(_units(plan, sliced=True)) if plan else "" for plan in both)),
        *(
            (f"USD/h {load}", *(usd(getattr(plan.price, load).usd_per_hour) if plan else "" for plan in both))
            for load in ("idle", "expected", "peak")
        ),
    ]
    yield table(("plan", ""), ((name, _arrow(*told)) for name, *told in sums))
    columns = ("model", "a replica", "replicas", "requests/s at peak", "USD/M tokens in", "out", "cold start")
    yield from _side_by_side(columns, _model_rows(old), _model_rows(new))
    columns = ("pool", "a node offers", "nodes", "GPUs", "slices", "filled at peak")
    yield from _side_by_side(columns, _pool_rows(old), _pool_rows(new))


def _units(plan: Plan, *, sliced: bool | None) -> int:
    """GPUs of all pools at their largest, or the slices of those that are cut."""
    return sum(
        pool.nodes.max * pool.accelerator.per_node // (1 if sliced else pool.accelerator.per_gpu)
        for pool in plan.pools
        if not sliced or pool.accelerator.profile
    )


def _model_rows(plan: Plan | None) -> dict[str, tuple[str, ...]]:
    if plan is None:
        return {}
    pools = {pool.name: pool for pool in plan.pools}
    return {model.name: _model(model, place(model, pools[model.pool])) for model in plan.models}


def _model(model: PlannedModel, on: str) -> tuple[str, ...]:
    tokens = model.cost.at_traffic if model.cost else None
    speed, start = model.speed, model.cold_start
    return (
        f"{on} of {model.pool}",
        bounds(model.replicas_min, model.replicas_max),
        number(speed.requests_per_second * model.replicas_max) if speed else "",
        usd(tokens.input.value) if tokens else "",
        usd(tokens.output.value) if tokens else "",
        duration(start.total.typical) if start else "",
    )


def _pool_rows(plan: Plan | None) -> dict[str, tuple[str, ...]]:
    if plan is None:
        return {}
    return {
        pool.name: (
            offer(pool),
            f"{pool.nodes_used} of {bounds(pool.nodes.min, pool.nodes.max)}",
            str(pool.nodes.max * pool.accelerator.per_node // pool.accelerator.per_gpu),
            str(pool.nodes.max * pool.accelerator.per_node) if pool.accelerator.profile else "",
            strip(plan, pool),
        )
        for pool in plan.pools
    }


def _side_by_side(
    columns: Sequence[str], old: dict[str, tuple[str, ...]], new: dict[str, tuple[str, ...]]
) -> Iterator[str]:
    """What differs of two tables, or the only one."""
    rows = [
        _row(name, old.get(name), new.get(name), alone=not (old and new))
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    ]
    if rows:
        yield table(columns, rows)
    if same := sum(old.get(name) == row for name, row in new.items()):
        yield f"{counted(same, columns[0])} as before."


def _row(
    name: str, before: tuple[str, ...] | None, after: tuple[str, ...] | None, *, alone: bool
) -> tuple[str, ...]:
    sign = "" if alone else "+ " if before is None else "- " if after is None else ""
    empty = ("",) * len(before or after or ())
    cells = zip(before or empty, after or empty, strict=True)
    return f"{sign}**{plain(name)}**", *(_arrow(*cell) for cell in cells)


def _arrow(old: str, new: str) -> str:
    """One value where both are the same, or where there is only one side."""
    told = [plain(old), plain(new)]
    return told[1] if old == new else f"{told[0]} → **{told[1]}**" if old and new else told[1] or told[0]


def _details(each: Compared, base: str) -> Iterator[str]:
    _, others = _ordered(each)
    if others:
        title = f"{plain(each.environment)}: {len(others)} more that policies say and that forbid nothing"
        yield folded(title, _violations(others, each))
    if found := each.difference:
        title = f"{plain(each.environment)}: everything that differs in the plan"
        yield folded(title, markdown_difference(found, base))
