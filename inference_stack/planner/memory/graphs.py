"""Memory of the CUDA graphs that vLLM captures at start-up.

Each graph holds a node for every kernel of every layer, so their memory goes with layers × graphs; the first
of them also makes a pool. Sizes are those of `VllmConfig._set_cudagraph_sizes` of vLLM 0.29.
"""

from inference_stack.catalog.architecture import Experts

from ..replica import Replica
from .versions import minor

MIB_PER_GIB = 1024

POOL_GIB = 0.35
LAYER_MIB = 0.155
EXPERTS_MIB = 0.1
"""The first capture, a layer of one graph, and what experts add to it. Fitted on 31 start-up logs of vLLM 0.19
with 102 graphs, halfway between vLLM's estimate and what the capture then took, which differ by 0.15 GiB."""

LARGEST = 512
LARGEST_BLACKWELL = 1024
"""Tokens of the largest graph, where the GPU is a Blackwell of a data centre."""
BLACKWELL_FROM = 21


def cudagraph_gib(replica: Replica, layers: int) -> float:
    """Of one pipeline stage of `layers` layers on one unit, GiB; 0 where the engine runs eagerly."""
    graphs = captured(replica)
    if not graphs:
        return 0.0
    experts = any(isinstance(block.feed_forward, Experts) for _, block in replica.model.blocks)
    node = LAYER_MIB + (EXPERTS_MIB if experts else 0.0)
    return POOL_GIB + graphs * layers * node / MIB_PER_GIB


def captured(replica: Replica) -> int:
    """Graphs: one a size for mixed steps, and one a size up to max_num_seqs for steps of decoding alone."""
    engine = replica.engine
    if engine.enforce_eager:
        return 0
    new_blackwell = replica.silicon.generation == "Blackwell" and minor(engine.version) >= BLACKWELL_FROM
    query = 1 + engine.speculative_tokens
    largest = min(
        2 * engine.max_num_seqs * query,
        LARGEST_BLACKWELL if new_blackwell else LARGEST,
        engine.max_num_batched_tokens,
    )
    sizes = [size for size in (1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16)) if size <= largest]
    return len(sizes) + sum(size <= engine.max_num_seqs * query for size in sizes)
