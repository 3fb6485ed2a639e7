"""What fills every GPU and slice at peak, from the plan's packing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from string import ascii_lowercase, ascii_uppercase

from inference_stack.planner import (
    MemoryBudget,
    PackedNode,
    PackedUnit,
    Plan,
    PlannedModel,
    PlannedPool,
    Tenant,
)

EMPTY = "·"


class Part(StrEnum):
    """What the memory of a replica goes to, in the order in which vLLM takes it."""

    WEIGHTS = "weights"
    DRAFT = "draft model"
    ADAPTERS = "adapters"
    WORK = "activations, graphs, runtime"
    KV = "KV cache"


@dataclass(frozen=True)
class Filling:
    """One tenant of a unit and how it spends what it was given, GiB."""

    tenant: Tenant
    model: PlannedModel
    given_gib: float
    parts: dict[Part, float]

    @property
    def spans(self) -> int:
        """Units over which the replica stretches."""
        prefill = self.model.prefill
        return prefill.units if prefill and self.tenant.role == "prefill" else self.model.units


def parts(memory: MemoryBudget) -> dict[Part, float]:
    """The budget of a unit, in the parts that a picture can tell apart."""
    return {
        Part.WEIGHTS: memory.weights_gib,
        Part.DRAFT: memory.draft_gib,
        Part.ADAPTERS: memory.adapters_gib,
        Part.WORK: memory.activation_gib + memory.non_torch_gib + memory.cudagraph_gib,
        Part.KV: memory.kv_gib,
    }


def fillings(unit: PackedUnit, pool: PlannedPool, plan: Plan) -> tuple[Filling, ...]:
    """Everybody on a unit."""
    models = {model.name: model for model in plan.models}
    return tuple(_filling(tenant, models[tenant.model], pool) for tenant in unit.tenants)


def _filling(tenant: Tenant, model: PlannedModel, pool: PlannedPool) -> Filling:
    memory = model.prefill.memory if model.prefill and tenant.role == "prefill" else model.memory
    return Filling(tenant, model, tenant.share * pool.accelerator.memory_gib, parts(memory))


def keys(plan: Plan) -> dict[str, str]:
    """One letter for each model, or two where there are more models than letters."""
    letters = ascii_uppercase + ascii_lowercase
    names = [model.name for model in plan.models]
    if len(names) <= len(letters):
        return dict(zip(names, letters, strict=False))
    return {name: letters[index // 26 % 52] + letters[26 + index % 26] for index, name in enumerate(names)}


def nodes(plan: Plan, pool: PlannedPool) -> tuple[PackedNode, ...]:
    """The nodes of a pool that somebody fills."""
    return tuple(node for node in plan.packing if node.pool == pool.name)


def gpus(node: PackedNode) -> Iterator[tuple[PackedUnit, ...]]:
    """The units of a node, GPU by GPU."""
    ordered = sorted(node.units, key=lambda unit: (unit.gpu, unit.slot))
    for _, units in groupby(ordered, key=lambda unit: unit.gpu):
        yield tuple(units)


def strip(plan: Plan, pool: PlannedPool) -> str:
    """A picture of a pool in one line: `[AB·]` is a GPU of three slices, one of them empty; `[A×4]` a replica
    over four GPUs; `[A+B]` two models on one unit; nodes that look alike are counted."""
    letter = keys(plan)
    looks = Counter(_node(node, letter) for node in nodes(plan, pool))
    return "  ".join(look if count == 1 else f"{count} × {look}" for look, count in looks.items())


def _node(node: PackedNode, letter: dict[str, str]) -> str:
    def whole(units: tuple[PackedUnit, ...]) -> tuple[Tenant, ...] | int:
        # GPUs that are cut look each for itself.
        return units[0].tenants if len(units) == 1 else units[0].gpu

    look = ""
    for _, alike in groupby(gpus(node), key=whole):
        cards = list(alike)
        times = f"×{len(cards)}" if len(cards) > 1 else ""
        look += f"[{_card(cards[0], letter)}{times}]"
    return look


def _card(units: tuple[PackedUnit, ...], letter: dict[str, str]) -> str:
    told = ["+".join(_tenant(tenant, letter) for tenant in unit.tenants) or EMPTY for unit in units]
    return ("" if all(len(each) == 1 for each in told) else " ").join(told)


def _tenant(tenant: Tenant, letter: dict[str, str]) -> str:
    return letter[tenant.model] + ("ᵖ" if tenant.role == "prefill" else "")
