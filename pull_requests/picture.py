"""Both plans in one picture that GitHub draws inside a comment: a Mermaid flowchart.

An SVG cannot be shown there without a server that gives it out: GitHub takes neither inline SVG nor data
URIs.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from inference_stack.planner import Plan, PlannedModel, PlannedPool
from inference_stack.planner.difference import Difference
from inference_stack.report.figures import bounds, offer, place, short
from inference_stack.report.filling import keys, strip

_LOOKS = {
    "added": "stroke:#1a7f37,stroke-width:3px",
    "changed": "stroke:#9a6700,stroke-width:3px",
    "removed": "stroke:#cf222e,stroke-width:3px,stroke-dasharray:6 4",
}
_SIGNS = {"added": "+ ", "changed": "~ ", "removed": "- "}
_SPECIAL = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "\n": " ", "`": "'"})
_WIDEST_STRIP = 40

T = TypeVar("T", PlannedModel, PlannedPool)


def mermaid(old: Plan, new: Plan, found: Difference) -> str:
    """Models on the left, the pools that they run on at the right; green comes, amber changes, red goes."""
    return "\n".join(["flowchart LR", *_lines(old, new, found)])


def _lines(old: Plan, new: Plan, found: Difference) -> Iterator[str]:
    fates_of_models, fates_of_pools = (
        {each.name: each.how for each in part} for part in (found.models, found.pools)
    )
    pools = _both(old.pools, new.pools)
    ids = {name: f"p{index}" for index, name in enumerate(pools)}
    for name, pool in pools.items():
        how = fates_of_pools.get(name)
        yield _node(ids[name], _pool(pool, old if how == "removed" else new), how)
    for index, model in enumerate(_both(old.models, new.models).values()):
        how = fates_of_models.get(model.name)
        yield _node(f"m{index}", _model(model, old if how == "removed" else new), how)
        arrow = "-.->" if how == "removed" else "-->"
        replicas = bounds(model.replicas_min, model.replicas_max)
        label = _plain(f"{replicas} replicas of {place(model, pools[model.pool])}")
        yield f'  m{index} {arrow}|"{label}"| {ids[model.pool]}'
        if model.prefill:
            yield f'  m{index} {arrow}|"prefill"| {ids[model.prefill.pool]}'
    used = {*fates_of_models.values(), *fates_of_pools.values()}
    yield from (f"  classDef {how} {look}" for how, look in _LOOKS.items() if how in used)


def _both(old: tuple[T, ...], new: tuple[T, ...]) -> Mapping[str, T]:
    """What is there now, and then what is not any more."""
    now = {each.name: each for each in new}
    return {**now, **{each.name: each for each in old if each.name not in now}}


def _pool(pool: PlannedPool, plan: Plan) -> tuple[str, ...]:
    filled = strip(plan, pool)
    if len(filled) > _WIDEST_STRIP:
        filled = filled[: _WIDEST_STRIP - 1] + "…"
    return f"{pool.name}: {pool.nodes_used} of {pool.nodes.max} nodes", pool.sku, offer(pool), filled


def _model(model: PlannedModel, plan: Plan) -> tuple[str, ...]:
    return f"{keys(plan)[model.name]} {model.name}", f"{short(model.checkpoint)} {model.precision.value}"


def _node(name: str, lines: tuple[str, ...], how: str | None) -> str:
    first, *others = map(_plain, filter(None, lines))
    told = "<br/>".join([_SIGNS.get(how or "", "") + first, *others])
    return f'  {name}["{told}"]' + (f":::{how}" if how else "")


def _plain(text: str) -> str:
    return text.translate(_SPECIAL)
