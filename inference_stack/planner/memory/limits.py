"""What forbids a replica to start, and what would let it."""

from collections.abc import Callable

from ..dealing import undivided
from ..replica import Replica
from .runtime import CONTEXT_GIB

FEWEST_TOKENS = 16
WIDTHS = (1, 2, 4, 8, 16)
"""Units that are told in place of a number that does not divide."""


def indivisible(replica: Replica) -> str | None:
    """A part of the model that vLLM refuses to deal out over so many units; None if there is none."""
    model, width = replica.model, replica.tensor_parallel
    apart = replica.engine.enable_expert_parallel
    if what := undivided(model, replica.layout, width, apart=apart):
        possible = (each for each in WIDTHS if not undivided(model, replica.layout, each, apart=apart))
        return (
            f"tensor_parallel: {what} cannot be dealt out over {width} units; "
            f"allowed: {', '.join(map(str, possible))}"
        )
    if replica.pipeline_parallel > model.layers:
        return f"pipeline_parallel: {model.layers} layers for {replica.pipeline_parallel} stages"
    return None


def limit(
    replica: Replica, kv_gib: float, needed_gib: float, parts: dict[str, float], longest: Callable[[], int]
) -> str | None:
    """The first thing that forbids the start, with figures and a way out; None if vLLM starts.

    `parts` are the parts of the budget before the KV cache, GiB by name.
    """
    refused = indivisible(replica)
    if refused is not None:
        return refused
    engine, total = replica.engine, replica.silicon.memory_gib
    requested = sum(parts.values()) + kv_gib
    if requested > total - CONTEXT_GIB / 2:
        return (
            f"gpu_memory_utilization: {engine.gpu_memory_utilization} asks for {requested:.2f} of {total:.2f}"
            " GiB, more than a CUDA context leaves free; "
            f"allowed: ≤ {int((1 - CONTEXT_GIB / total) * 100) / 100}"
        )
    if kv_gib <= 0:
        largest = max(parts, key=lambda part: parts[part])
        taken = ", ".join(f"{name} {gib:.2f}" for name, gib in parts.items() if gib >= 0.005)
        return (
            f"{largest}: {requested - kv_gib:.2f} GiB are needed before any KV cache ({taken}), "
            f"{requested:.2f} may be used; more units, a larger GPU or fewer bits a weight would fit"
        )
    if kv_gib >= needed_gib:
        return None
    context = longest()
    if context < FEWEST_TOKENS:
        return (
            f"kv_cache: {kv_gib:.2f} GiB are left and one block needs more; "
            "more units or a larger GPU would fit"
        )
    return (
        f"max_model_len: {engine.max_model_len} tokens need {needed_gib:.2f} GiB of KV cache, "
        f"{kv_gib:.2f} are left; allowed: ≤ {context} tokens"
    )
