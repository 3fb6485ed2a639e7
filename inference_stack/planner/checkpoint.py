"""What follows from a checkpoint alone, whatever it runs on: parameters, weights, KV cache of a token."""

from functools import cache
from typing import NamedTuple

from inference_stack.catalog import ModelRow
from inference_stack.catalog.architecture import Architecture, Experts, Layout

from .memory.kv_cache import request_bytes
from .memory.matrices import block_matrices, parameters
from .memory.weights import weights_bytes
from .replica import Engine, Replica
from .silicon import silicon

GIB = 2**30
ANY_GPU = "H100-SXM-80GB"
"""Weights on one unit do not depend on the unit."""


class Checkpoint(NamedTuple):
    """Derived figures of a checkpoint."""

    params: int
    """All parameters, towers included, drafting layers apart."""
    active_params: int
    """Parameters that one token passes: of the experts, those that it is sent to."""
    weights_gib: float
    """Weights as vLLM holds them on one unit, GiB."""
    kv_bytes_per_token: int
    """KV cache of one token late in a long request, bytes: layers with a window have stopped to grow."""


def checkpoint(row: ModelRow) -> Checkpoint:
    """The figures of a checkpoint. Raises CatalogError or ConfigError where it cannot be read."""
    return _figures(row.architecture, row.layout)


@cache
def _figures(model: Architecture, layout: Layout) -> Checkpoint:
    longest = model.max_position_embeddings
    whole = Replica(
        model, layout, silicon(ANY_GPU), Engine(longest, max_num_batched_tokens=2048, max_num_seqs=1)
    )
    params = parameters(model)
    half = longest // 2
    growth = request_bytes(whole, longest) - request_bytes(whole, half)
    return Checkpoint(
        params=params,
        active_params=params - _idle(model),
        weights_gib=weights_bytes(whole) / GIB,
        kv_bytes_per_token=round(growth / (longest - half)),
    )


def _idle(model: Architecture) -> int:
    """Parameters of the experts that a token is not sent to."""
    total = 0
    for count, block in model.blocks:
        mixture = block.feed_forward
        if isinstance(mixture, Experts):
            held = sum(m.parameters for m in block_matrices(block, model.hidden_size) if m.part == "experts")
            total += count * held * (mixture.count - mixture.per_token) // mixture.count
    return total
