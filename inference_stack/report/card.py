"""One node in a picture: a card for each GPU, as high as its memory, cut where the GPU is cut.

What lies in a cut is spread over its width, so that the same area is the same memory everywhere.
"""

from itertools import groupby

from inference_stack.catalog import CATALOG
from inference_stack.planner import PackedNode, PackedUnit, Plan, PlannedPool

from .canvas import LOOKS, Canvas, width_of
from .figures import gib, sharding
from .filling import Filling, fillings, gpus, keys, nodes

CARD = 122
GAP = 8
PADDING = 5
PX_PER_GIB = 1.45
ABOVE, BELOW, BRACKET = 19, 7, 14
"""Room over the cards for the node's number, under them, and for a line under what spans several."""


class NodeDrawing:
    """The nodes of one pool, drawn one by one."""

    def __init__(self, canvas: Canvas, plan: Plan, pool: PlannedPool) -> None:
        """All nodes of a pool look for the same unit and GPU."""
        self._canvas, self._plan, self._pool = canvas, plan, pool
        self._keys = keys(plan)
        unit = pool.accelerator
        known = CATALOG.gpus.get(unit.gpu)
        self._unit_gib = unit.memory_gib
        # Slices together have less memory than their GPU.
        self._gpu_gib = max(known.memory_gib if known else 0, unit.per_gpu * unit.memory_gib)
        filled = (
            filling
            for node in nodes(plan, pool)
            for each in node.units
            for filling in fillings(each, pool, plan)
        )
        self._below = BELOW + BRACKET * any(filling.spans > 1 for filling in filled)

    @property
    def height(self) -> float:
        """Of a node's frame."""
        return ABOVE + self._gpu_gib * PX_PER_GIB + self._below

    def width(self, node: PackedNode) -> float:
        """Of a node's frame."""
        return len(list(gpus(node))) * (CARD + GAP) - GAP + 2 * PADDING

    def draw(self, node: PackedNode, x: float, y: float) -> None:
        """The node with its upper left corner there."""
        self._canvas.box(x, y, self.width(node), self.height, "frame", rx=6)
        self._canvas.text(f"node {node.node}", x + PADDING, y + 13, size=10, look="faint")
        cards = list(gpus(node))
        for index, units in enumerate(cards):
            self._card(units, x + PADDING + index * (CARD + GAP), y + ABOVE)
        self._brackets(cards, x + PADDING, y + self.height - self._below + 5)

    def _card(self, units: tuple[PackedUnit, ...], x: float, top: float) -> None:
        height, each = self._gpu_gib * PX_PER_GIB, self._unit_gib * PX_PER_GIB
        for index, unit in enumerate(units):
            self._unit(unit, x, top + index * each, each if len(units) > 1 else height)
            if index:
                self._cut(x, top + index * each)
        lost = self._gpu_gib - len(units) * self._unit_gib
        if len(units) > 1 and lost > 0.1:
            self._lost(lost, x, top + len(units) * each)
        self._canvas.box(x, top, CARD, height, "edge", rx=2, stroke_width=1.2)

    def _unit(self, unit: PackedUnit, x: float, top: float, height: float) -> None:
        cut = f", slice {unit.slot}" if self._pool.accelerator.profile else ""
        self._canvas.hatched(x, top, CARD, height, f"GPU {unit.gpu}{cut}: empty")
        y = top
        for filling in fillings(unit, self._pool, self._plan):
            if y > top:
                self._canvas.line(x, y, x + CARD, y, look="dark", stroke_dasharray="4 3")
            y = self._tenant(filling, x, y)

    def _lost(self, lost: float, x: float, y: float) -> None:
        self._canvas.box(x, y, CARD, lost * PX_PER_GIB, "page", f"{gib(lost)} GiB lost to cutting")
        self._cut(x, y)
        if lost * PX_PER_GIB > 13:
            self._canvas.text(
                f"{gib(lost)} GiB in no slice", x + 5, y + 11, size=9, look="faint", width=CARD - 6
            )

    def _cut(self, x: float, y: float) -> None:
        self._canvas.line(x, y, x + CARD, y, stroke_width=1.6)

    def _tenant(self, filling: Filling, x: float, y: float) -> float:
        """One tenant, its parts side by side; returns where it ends."""
        height, left, name = filling.given_gib * PX_PER_GIB, x, filling.model.name
        self._canvas.box(x, y, CARD, height, "free", f"{name}: not given to vLLM")
        for part, amount in filling.parts.items():
            width = CARD * amount / filling.given_gib
            if amount > 0:
                tip = f"{name}: {gib(amount)} GiB {part.value}"
                self._canvas.box(left, y, width, height, LOOKS[part], tip)
                if height >= 28 and width_of(gib(amount), 9.5) < width:
                    self._canvas.text(gib(amount), left + width / 2, y + 25, size=9.5, look="on", middle=True)
            left += width
        self._name(filling, x, y, height)
        return y + height

    def _name(self, filling: Filling, x: float, y: float, height: float) -> None:
        role = " prefill" if filling.tenant.role == "prefill" else ""
        told = f"{self._keys[filling.model.name]}{role} {filling.model.name}"
        if height >= 13:
            base = y + 12 if height >= 28 else y + height / 2 + 4
            self._canvas.text(told, x + 5, base, size=11, look="on", bold=True, width=CARD - 8)

    def _brackets(self, cards: list[tuple[PackedUnit, ...]], x: float, y: float) -> None:
        """A line under GPUs that work together on one replica."""
        index = 0
        for alone, group in groupby(cards, key=lambda units: len(units) == 1 and units[0].tenants):
            count = len(list(group))
            if alone:
                for filling in fillings(cards[index][0], self._pool, self._plan):
                    if filling.spans > 1:
                        self._bracket(filling, x + index * (CARD + GAP), count * (CARD + GAP) - GAP, y)
            index += count

    def _bracket(self, filling: Filling, x: float, width: float, y: float) -> None:
        model, tenant = filling.model, filling.tenant
        spread = model.prefill if model.prefill and tenant.role == "prefill" else model
        told = sharding(spread.tensor_parallel, spread.pipeline_parallel)
        self._canvas.line(x, y - 2, x, y, x + width, y, x + width, y - 2)
        role = "prefill replica" if tenant.role == "prefill" else "replica"
        label = f"{self._keys[model.name]} · {role} {tenant.replica} · {told}"
        self._canvas.text(label, x + 5, y + 11, size=9.5, look="faint", width=width - 10)
