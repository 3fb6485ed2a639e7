"""A memory budget as the plan tells it."""

from inference_stack.planner.memory.budget import Memory
from inference_stack.planner.plan import MemoryBudget


def budget(held: Memory) -> MemoryBudget:
    """The budget of a replica's fullest unit. Nothing is left where the parts exceed what is usable."""
    return MemoryBudget(
        usable_gib=held.requested_gib,
        # What kernels make of the weights stays beside them.
        weights_gib=held.weights_gib + held.prepared_gib,
        activation_gib=held.activation_gib,
        non_torch_gib=held.non_torch_gib,
        cudagraph_gib=held.cudagraph_gib if held.graphs_reserved else 0.0,
        adapters_gib=held.adapters_gib,
        draft_gib=held.draft_gib,
        kv_gib=max(0.0, held.kv_gib),
        kv_low_gib=max(0.0, held.kv_low_gib),
        kv_high_gib=max(0.0, held.kv_high_gib),
        kv_tokens=held.kv_tokens,
        max_concurrency=held.max_concurrency,
    )
