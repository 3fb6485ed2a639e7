"""A picture of every GPU and slice at peak with what fills it, as SVG."""

from collections.abc import Iterator
from dataclasses import dataclass

from inference_stack.planner import PackedNode, Plan, PlannedModel, PlannedPool

from .canvas import LOOKS, Canvas, width_of
from .card import GAP, NodeDrawing
from .figures import bounds, counted, gib, number, offer, place, sharding, short, usd
from .filling import keys, nodes, parts

WIDTH = 1160
MARGIN = 24
INSIDE = WIDTH - 2 * MARGIN
TITLE = 40
"""Height of the two lines over the nodes of a pool."""

COLUMNS = {"": 26, "model": 236, "checkpoint": 296, "a replica": 236, "replicas": 68, "KV tokens": 86,
           "TTFT ms": 68, "TPOT ms": 68}  # fmt: skip
"""Of the list of models, with their widths."""


def picture(plan: Plan) -> str:
    """The picture as the text of an SVG file; the same plan makes the same text."""
    canvas = Canvas(WIDTH)
    y = _heading(canvas, plan, MARGIN)
    y = _legend(canvas, plan, y)
    for row in _rows([_Block.of(canvas, plan, pool) for pool in plan.pools]):
        x: float = MARGIN
        for block in row:
            block.draw(x, y)
            x += block.width + 3 * GAP
        y += max(block.height for block in row) + 18
    y = _models(canvas, plan, y)
    return canvas.as_svg(y + MARGIN, f"{plan.name}: every GPU and slice at peak")


def _heading(canvas: Canvas, plan: Plan, y: float) -> float:
    price, budget = plan.price, plan.environment.budget
    canvas.text(f"{plan.name} · {plan.environment.region}", MARGIN, y + 20, size=22, bold=True)
    cost = (
        f"{usd(price.idle_usd_per_hour)} USD an hour idle, {usd(price.peak_usd_per_hour)} at peak, list price"
    )
    cost += f", budget {usd(budget.usd_per_hour)}" if budget else ""
    canvas.text(f"every GPU and slice at peak · {cost}", MARGIN, y + 42, size=13, look="faint")
    return y + 58


def _legend(canvas: Canvas, plan: Plan, y: float) -> float:
    x: float = MARGIN
    budgets = [parts(model.memory) for model in plan.models]
    shown = [(look, part.value) for part, look in LOOKS.items() if any(budget[part] for budget in budgets)]
    for look, told in [*shown, ("free", "not given to vLLM"), ("empty", "empty")]:
        if look == "empty":
            canvas.hatched(x, y, 22, 13)
            canvas.box(x, y, 22, 13, "edge", stroke_width=0.6)
        else:
            canvas.box(x, y, 22, 13, look)
        canvas.text(told, x + 28, y + 11)
        x += 28 + width_of(told, 12) + 16
    canvas.text("figures are GiB", x, y + 11, look="faint")
    return y + 32


@dataclass(frozen=True)
class _Block:
    """A pool with its nodes, in as many lines as they need."""

    canvas: Canvas
    plan: Plan
    pool: PlannedPool
    nodes: NodeDrawing
    lines: tuple[tuple[PackedNode, ...], ...]

    @staticmethod
    def of(canvas: Canvas, plan: Plan, pool: PlannedPool) -> "_Block":
        drawing = NodeDrawing(canvas, plan, pool)
        lines: list[tuple[PackedNode, ...]] = []
        room = 0.0
        for node in nodes(plan, pool):
            width = drawing.width(node) + GAP
            if width > room:
                lines.append(())
                room = INSIDE + GAP
            lines[-1] += (node,)
            room -= width
        return _Block(canvas, plan, pool, drawing, tuple(lines))

    @property
    def width(self) -> float:
        """At least what its title needs."""
        widest = max((self._line_width(line) for line in self.lines), default=0.0)
        return min(INSIDE, max(widest, width_of(self._size, 12)))

    @property
    def height(self) -> float:
        return TITLE + (len(self.lines) * (self.nodes.height + GAP) or 18)

    @property
    def _size(self) -> str:
        return f"{self.pool.sku}: {offer(self.pool)}"

    @property
    def _nodes(self) -> str:
        used = sum(len(line) for line in self.lines)
        unsure = "?" if self.pool.sku in self.plan.price.unverified else ""
        cost = (
            ""
            if self.pool.usd_per_node_hour is None
            else f", {usd(self.pool.usd_per_node_hour)}{unsure} USD/h each"
        )
        return f"{counted(used, 'node')} of {bounds(self.pool.nodes.min, self.pool.nodes.max)}{cost}"

    def draw(self, x: float, y: float) -> None:
        name = self.pool.name
        self.canvas.text(name, x, y + 14, size=15, bold=True)
        self.canvas.text(self._nodes, x + width_of(name, 15, bold=True) + 8, y + 14, look="faint")
        self.canvas.text(self._size, x, y + 31, look="faint", width=self.width)
        top = y + TITLE
        if not self.lines:
            self.canvas.text("Nothing runs here.", x, top + 12, look="faint")
        for line in self.lines:
            left = x
            for node in line:
                self.nodes.draw(node, left, top)
                left += self.nodes.width(node) + GAP
            top += self.nodes.height + GAP

    def _line_width(self, line: tuple[PackedNode, ...]) -> float:
        return sum(self.nodes.width(node) + GAP for node in line) - GAP


def _rows(blocks: list[_Block]) -> Iterator[list[_Block]]:
    """Pools side by side, where there is room for them."""
    row: list[_Block] = []
    for block in blocks:
        if row and sum(each.width + 3 * GAP for each in [*row, block]) > INSIDE + 3 * GAP:
            yield row
            row = []
        row.append(block)
    if row:
        yield row


def _models(canvas: Canvas, plan: Plan, y: float) -> float:
    _line(canvas, y, tuple(COLUMNS), heading=True)
    pools, letter = {pool.name: pool for pool in plan.pools}, keys(plan)
    for model in plan.models:
        y += 19
        _line(canvas, y, (letter[model.name], *_model(model, pools[model.pool])))
    for edge in plan.edge:
        y += 19
        where = f"on devices, in {gib(edge.memory_gib)} GiB"
        _line(canvas, y, ("", edge.name, f"{short(edge.source)}, {edge.artefact}", where, "", "", "", ""))
    return y


def _model(model: PlannedModel, pool: PlannedPool) -> tuple[str, ...]:
    speed = model.speed
    return (
        model.name,
        f"{short(model.checkpoint)} {model.precision}",
        f"{place(model, pool)}, {sharding(model.tensor_parallel, model.pipeline_parallel)}",
        bounds(model.replicas_min, model.replicas_max),
        f"{model.memory.kv_tokens:,}",
        number(speed.ttft_ms.value) if speed else "",
        number(speed.tpot_ms.value) if speed else "",
    )


def _line(canvas: Canvas, y: float, cells: tuple[str, ...], *, heading: bool = False) -> None:
    x: float = MARGIN
    for index, (cell, width) in enumerate(zip(cells, COLUMNS.values(), strict=True)):
        strong = index < 2 and not heading
        canvas.text(
            cell, x, y + 12, bold=strong, look="faint" if heading or index > 1 else "ink", width=width - 8
        )
        x += width
