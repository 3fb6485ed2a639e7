"""Peak of torch's memory while vLLM profiles itself: one full step on dummy requests, then the sampler.

Counts the buffers that vLLM's source allocates, byte by byte; Fitted.piece_gib is all that is fitted.
"""

from inference_stack.catalog.architecture import (
    Architecture,
    Attention,
    Block,
    Experts,
    FeedForward,
    Recurrent,
)

from ..replica import Replica
from .fitted import FITTED, Fitted
from .versions import accounting
from .weights import WIDTHS

GIB = 2**30
HANDLE_GIB = {"Hopper": 32 / 1024, "Blackwell": 32 / 1024}
"""cuBLAS's workspace, which torch allocates: 32 MiB from Hopper on, 8 MiB and 128 KiB before."""
OLDER_HANDLE_GIB = 8.125 / 1024

PIXELS = 3 * 28 * 28
"""Input values for one token of an encoder: an area of 28 by 28 pixels in most vision models."""
PIXEL_BYTES = 6
"""An input value is held as float32, and as bf16 for the encoder."""


def activation_gib(replica: Replica, *, last_stage: bool = True, fitted: Fitted = FITTED) -> float:
    """Peak above the weights on one unit, GiB, of the last pipeline stage or an earlier one."""
    step = replica.engine.max_num_batched_tokens
    held = (expert_workspace(replica) + encoder_cache(replica)) / GIB + handle_gib(replica)
    forward = forward_bytes(replica, step) / GIB + fitted.piece_gib
    if not last_stage:
        # What goes to the next stage: hidden states and residual.
        return held + forward + 2 * hidden_bytes(replica, step) / GIB
    return held + max(forward, _sampler(replica) / GIB)


def handle_gib(replica: Replica) -> float:
    """cuBLAS's workspace."""
    return HANDLE_GIB.get(replica.silicon.generation, OLDER_HANDLE_GIB)


def width(replica: Replica) -> int:
    """Bytes of an activation."""
    return WIDTHS[replica.engine.dtype]


def hidden_bytes(replica: Replica, tokens: int) -> int:
    """Hidden states of so many tokens."""
    return tokens * replica.model.hidden_size * width(replica)


def forward_bytes(replica: Replica, tokens: int) -> float:
    """The widest moment of a forward pass over so many tokens: compiled by pieces between two attentions."""
    quantized = replica.layout.compute in ("fp8", "int8", "fp4")
    widest = max(
        _block_values(block, replica.model.hidden_size, replica.tensor_parallel, width(replica), quantized)
        for _, block in replica.model.blocks
    )
    return tokens * widest


def _block_values(block: Block, hidden: int, tensor_parallel: int, size: int, quantized: bool) -> float:
    """Bytes a token at the activation function: its input and output, attention's output, the residual twice.

    Where inputs of matrices are quantized at run time, one byte more for each value of both.
    """
    around = _mixed(block) / tensor_parallel + 2 * hidden
    part = block.feed_forward
    if isinstance(part, Experts):
        # Experts have a workspace of their own; here their input and sum stand, and the shared ones run.
        inner = 3 * part.shared_width / tensor_parallel
        return size * (around + 2 * hidden + inner)
    if isinstance(part, FeedForward):
        inner = part.width / tensor_parallel
        return size * (around + (3 if part.gated else 2) * inner) + (inner + hidden if quantized else 0)
    return size * (around + hidden)


def _mixed(block: Block) -> int:
    """Width of what the mixer hands to its output projection."""
    mixer = block.mixer
    if isinstance(mixer, Attention):
        return mixer.heads * mixer.v_head_dim
    if isinstance(mixer, Recurrent):
        return mixer.inner_size or mixer.heads * mixer.head_dim
    return 0


def _sampler(replica: Replica) -> float:
    """Hidden states, those of one token a request twice, and the logits of every request in the sampler."""
    counts = accounting(replica.engine.version, dense=is_dense(replica.model))
    size = width(replica)
    rows = sampled_rows(replica)
    vocabulary = replica.model.vocab_size
    logits = rows * vocabulary * (size + counts.logit_bytes)
    if counts.logit_bytes == 0 and replica.tensor_parallel > 1:
        # Gathered from the units, then laid out anew.
        logits += rows * vocabulary * size
    if counts.top_k_rows:
        logits += replica.silicon.multiprocessors * vocabulary * 4
    return (
        hidden_bytes(replica, replica.engine.max_num_batched_tokens)
        + 2 * rows * replica.model.hidden_size * size
        + logits
    )


def sampled_rows(replica: Replica) -> int:
    """Requests of the dummy step; vLLM never makes more than there are tokens."""
    return min(replica.engine.max_num_seqs, replica.engine.max_num_batched_tokens)


def is_dense(model: Architecture) -> bool:
    """Whether all layers are attention and feed-forward: vLLM moved these to its second runner first."""
    return all(
        isinstance(block.mixer, Attention) and isinstance(block.feed_forward, FeedForward)
        for _, block in model.blocks
    )


def expert_workspace(replica: Replica) -> float:
    """Two buffers that the experts' kernel takes once and keeps, bytes.

    Source: TritonExperts.workspace_shapes; the kernels for mxfp4 and 4-bit checkpoints take theirs elsewhere.
    """
    experts = [part for _, block in replica.model.blocks if isinstance(part := block.feed_forward, Experts)]
    if not experts or replica.layout.method in ("mxfp4", "gpt_oss_mxfp4"):
        return 0.0
    hidden = replica.model.hidden_size
    step = replica.engine.max_num_batched_tokens
    split = 1 if replica.engine.enable_expert_parallel else replica.tensor_parallel
    widest = max(
        part.per_token * (max(2 * part.width / split, hidden) + max(part.width / split, hidden))
        for part in experts
    )
    return step * widest * width(replica)


def encoder_cache(replica: Replica) -> float:
    """Outputs and inputs of an encoder for one full step, bytes: held while the decoder is profiled."""
    if not replica.model.towers:
        return 0.0
    tokens = replica.engine.max_num_batched_tokens
    return tokens * (replica.model.hidden_size * width(replica) + PIXELS * PIXEL_BYTES)
