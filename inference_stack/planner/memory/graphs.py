"""Memory of the CUDA graphs that vLLM captures at start-up, as its own estimate counts it.

vLLM captures a set of graphs for mixed steps, cut at every attention, and one for steps of decoding alone.
The largest comes first and makes the pool, each further one adds the nodes of its kernels. Sizes are those of
`VllmConfig._set_cudagraph_sizes`, the estimate that of `profile_cudagraph_memory`, both of vLLM 0.29.
"""

from typing import NamedTuple

from inference_stack.catalog.architecture import Attention, Experts

from ..replica import Replica
from .activation import GIB, forward_bytes, handle_gib
from .fitted import FITTED, Fitted
from .versions import minor

MIB = 2**20

SMALLEST_MIB = 1.0
"""vLLM counts no graph below this."""

SPLITS = 32
"""Parts into which FlashAttention 3 (Hopper) cuts a sequence inside a graph, each with float32 outputs of its
own: vLLM's flash_attn_max_num_splits_for_cuda_graph."""
DECODE_MIB = 6.0
"""What the first graph of decoding takes beside them, in every log."""

UNLINKED_NODES = 2.1
"""Times the nodes where NCCL sums up between units, for want of NVLink: its kernels are captured too.
From one log, of four L40S with 80 layers."""

LARGEST = 512
LARGEST_BLACKWELL = 1024
"""Tokens of the largest graph; the second on a Blackwell of a data centre, from 0.21 on."""
LARGEST_BLACKWELL_FROM = 21


class Captured(NamedTuple):
    """Sizes of the graphs of both sets, tokens, the smallest first."""

    mixed: tuple[int, ...]
    decode: tuple[int, ...]


def cudagraph_gib(replica: Replica, layers: int, fitted: Fitted = FITTED) -> float:
    """Of one pipeline stage of `layers` layers on one unit, GiB; 0 where the engine runs eagerly."""
    graphs = captured(replica)
    if not graphs.mixed:
        return 0.0
    mixed = forward_bytes(replica, graphs.mixed[-1]) / GIB + fitted.piece_gib + handle_gib(replica)
    decode = DECODE_MIB * MIB / GIB + _split_outputs(replica, graphs.decode) / GIB
    experts = any(isinstance(block.feed_forward, Experts) for _, block in replica.model.blocks)
    node = fitted.experts_node_mib if experts else fitted.node_mib
    if replica.tensor_parallel > 1 and replica.silicon.link_gb_s is None:
        node *= UNLINKED_NODES
    nodes = max(SMALLEST_MIB, layers * node) * MIB / GIB
    further = len(graphs.mixed) - 1 + max(0, len(graphs.decode) - 1)
    return max(mixed, decode) + further * nodes


def captured(replica: Replica) -> Captured:
    """The graphs of an engine; with adapters each stands twice, with and without one."""
    engine = replica.engine
    if engine.enforce_eager:
        return Captured((), ())
    blackwell = replica.silicon.generation == "Blackwell" and minor(engine.version) >= LARGEST_BLACKWELL_FROM
    query = 1 + engine.speculative_tokens
    ceiling = LARGEST_BLACKWELL if blackwell else LARGEST
    largest = min(2 * engine.max_num_seqs * query, ceiling, engine.max_num_batched_tokens)
    steps = (1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16))
    mixed = tuple(size for size in steps if size <= largest)
    decode = tuple(size for size in mixed if size <= engine.max_num_seqs * query)
    twice = 2 if engine.max_loras else 1
    return Captured(tuple(sorted(mixed * twice)), tuple(sorted(decode * twice)))


def _split_outputs(replica: Replica, sizes: tuple[int, ...]) -> int:
    """Float32 outputs of the parts that FlashAttention 3 cuts sequences into, of the widest layer, bytes."""
    if replica.silicon.generation != "Hopper" or not sizes or replica.engine.dtype == "float32":
        return 0
    width = max((_output_width(block.mixer) for _, block in replica.model.blocks), default=0)
    return SPLITS * sizes[-1] * 4 * width // replica.tensor_parallel


def _output_width(mixer: object) -> int:
    if not isinstance(mixer, Attention):
        return 0
    # Latent attention decodes in the latent space.
    return mixer.heads * (mixer.kv_lora_rank if mixer.kind == "latent" else mixer.v_head_dim)
