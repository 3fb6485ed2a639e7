"""What forbids a replica to start, and what would let it."""

from collections.abc import Callable

from inference_stack.catalog.architecture import Attention

from ..replica import Replica
from .runtime import CONTEXT_GIB

FEWEST_TOKENS = 16


def indivisible(replica: Replica) -> str | None:
    """A part of the model that vLLM refuses to deal out over so many units; None if there is none."""
    parts = replica.tensor_parallel
    for _, block in replica.model.blocks:
        mixer = block.mixer
        if not isinstance(mixer, Attention):
            continue
        if mixer.heads % parts:
            return _cannot_split("attention heads", mixer.heads, parts)
        wide, narrow = max(mixer.kv_heads, parts), min(mixer.kv_heads, parts)
        if mixer.kind != "latent" and wide % narrow:
            return _cannot_split("key-value heads", mixer.kv_heads, parts)
    if replica.pipeline_parallel > replica.model.layers:
        return f"pipeline_parallel: {replica.model.layers} layers for {replica.pipeline_parallel} stages"
    return None


def _cannot_split(what: str, number: int, parts: int) -> str:
    allowed = ", ".join(
        str(unit) for unit in (1, 2, 4, 8, 16) if number % unit == 0 and unit < max(parts, number)
    )
    return f"tensor_parallel: {number} {what} cannot be dealt out over {parts} units; allowed: {allowed}"


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
