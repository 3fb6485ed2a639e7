"""Whether the engines of a RayService that somebody else wrote fit the cards that they get."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.catalog import CATALOG
from inference_stack.engine.card import SLICE
from inference_stack.engine.served import Served, served
from inference_stack.spec import Finding

from .case import Case, CaseError, asked
from .engine_arguments import NOT_PLANNED
from .memory.budget import Memory, memory

ASKED = {"tensor_parallel_size": "tp", "pipeline_parallel_size": "pp"} | {
    name: name
    for name in Case.model_fields
    if name not in {"id", "model", "config", "gpu", "sku", "mig", "total_gib", "tp", "pp", "lora"}
}
"""Arguments of the engine that memory depends on, and what a question to the planner calls them."""


def served_findings(manifest: Mapping[str, Any], engine: str) -> Iterator[Finding]:
    """Engines of a RayService that cannot start for want of memory; paths are those of the manifest.

    Nothing is said where the model is not in the catalog, the card not known, or an argument changes memory
    in a way that is not planned; nor where some card of the type, or some start-up, might do.
    """
    for each in served(manifest):
        roomiest: Memory | None = None
        for budget in _budgets(each, engine):
            if budget.kv_high_gib >= budget.needed_gib:
                break
            roomiest = max(roomiest or budget, budget, key=lambda found: found.kv_gib)
        else:
            if roomiest:
                yield _does_not_fit(each, roomiest)


def _does_not_fit(each: Served, roomiest: Memory) -> Finding:
    field, _, said = (roomiest.limit or "").partition(": ")
    what, _, allowed = said.partition("; allowed: ")
    weighs = field != "max_model_len"
    argument = "tensor_parallel_size" if weighs else "max_model_len"
    given = each.arguments.get(argument)
    return Finding(
        code="model-does-not-fit" if weighs else "context-does-not-fit",
        path=f"{each.path}.{argument}",
        given=None if given is None else str(given),
        what=f"{what}, on the largest card of this kind",
        allowed=allowed or None,
    )


def _budgets(each: Served, engine: str) -> Iterator[Memory]:
    """The memory of the engine on each card that it may get."""
    arguments, row = each.arguments, CATALOG.model(each.source)
    if row is None or NOT_PLANNED.keys() & arguments.keys():
        return
    question = {ASKED[name]: value for name, value in arguments.items() if name in ASKED}
    question |= {"model": row.id, "vllm_version": engine}
    if arguments.get("enable_lora"):
        count, rank = arguments.get("max_loras", 1), arguments.get("max_lora_rank", 16)
        question["lora"] = {"count": count, "rank": rank}
    for hardware in _hardware(each):
        try:
            yield memory(asked(question | hardware).replica)
        except CaseError:
            # What is wrong with it is told by the rules; nothing can be reckoned.
            continue


def _hardware(each: Served) -> Iterator[dict[str, str]]:
    match = SLICE.fullmatch(each.resource or "")
    largest_first = sorted(CATALOG.gpus.values(), key=lambda card: -card.memory_gib)
    for card in largest_first:
        if not each.accelerator_type or card.ray_type != each.accelerator_type:
            continue
        if match is None:
            yield {"gpu": card.name}
        elif match.group(1) in {row.profile for row in CATALOG.slices(card.name)}:
            yield {"gpu": card.name, "mig": match.group(1)}
