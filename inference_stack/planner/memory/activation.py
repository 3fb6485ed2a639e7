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

LATENT_ROWS = 64 * 1024
"""Most tokens in the workspace of latent attention."""
INDEXER_LOGITS = 512 * 2**20
"""VLLM_SPARSE_INDEXER_MAX_LOGITS_MB, bytes."""
INDEXER_CONTEXTS = 40


def activation_gib(replica: Replica, *, last_stage: bool = True, fitted: Fitted = FITTED) -> float:
    """Peak above the weights on one unit, GiB, of the last pipeline stage or an earlier one."""
    step = replica.engine.max_num_batched_tokens
    pieces = forward_bytes(replica, step) / GIB + fitted.piece_gib
    decoder = max(pieces, latent_bytes(replica) / GIB)
    if last_stage:
        decoder = max(decoder, _sampler(replica) / GIB)
    else:
        # What goes to the next stage: hidden states and residual.
        decoder += 2 * hidden_bytes(replica, step) / GIB
    decoder += workspace_bytes(replica) / GIB
    # Encoders run first; their outputs and inputs are held while the decoder runs.
    held, running = encoder_bytes(replica)
    return handle_gib(replica) + held / GIB + max(decoder, running / GIB)


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


def latent_bytes(replica: Replica) -> int:
    """Latent attention in the profiling run: it takes what expanding a workspace of cached tokens would.

    Source: MLAAttention.forward_impl and determine_chunked_prefill_workspace_size of vLLM 0.29.
    """
    engine, size = replica.engine, width(replica)
    rows = max(8 * engine.max_model_len, 4 * engine.max_num_seqs * engine.block_size)
    rows = min(rows, LATENT_ROWS)
    found = 0
    for _, block in replica.model.blocks:
        mixer = block.mixer
        if isinstance(mixer, Attention) and mixer.kind == "latent":
            heads = mixer.heads // replica.tensor_parallel
            expanded = rows * heads * (mixer.qk_nope_head_dim + mixer.v_head_dim) * size
            scores = INDEXER_LOGITS if mixer.indexer_heads else 0
            token = heads * (mixer.head_dim + mixer.v_head_dim) + mixer.kv_lora_rank
            token += replica.model.hidden_size
            found = max(found, max(expanded, scores) + engine.max_num_batched_tokens * token * size)
    return found


def workspace_bytes(replica: Replica) -> int:
    """The buffer that kernels of experts and of sparse attention share: kept, of the larger's size."""
    return max(_experts_workspace(replica), _indexer_workspace(replica))


def _experts_workspace(replica: Replica) -> int:
    """Two buffers of tokens × experts a token.

    Source: TritonExperts.workspace_shapes; the kernels for mxfp4 checkpoints take theirs elsewhere.
    """
    experts = [part for _, block in replica.model.blocks if isinstance(part := block.feed_forward, Experts)]
    if not experts or replica.layout.method in ("mxfp4", "gpt_oss_mxfp4"):
        return 0
    hidden = replica.model.hidden_size
    split = 1 if replica.engine.enable_expert_parallel else replica.tensor_parallel
    widest = 0
    for part in experts:
        wide = max((2 if part.gated else 1) * part.width // split, hidden)
        widest = max(widest, part.per_token * (wide + max(part.width // split, hidden)))
    return replica.engine.max_num_batched_tokens * widest * width(replica)


def _indexer_workspace(replica: Replica) -> int:
    """Keys of forty contexts in fp8 with their scales (get_max_prefill_buffer_size of vLLM 0.29)."""
    widths = [
        mixer.indexer_head_dim + 4
        for _, block in replica.model.blocks
        if isinstance(mixer := block.mixer, Attention) and mixer.indexer_heads
    ]
    return INDEXER_CONTEXTS * replica.engine.max_model_len * max(widths, default=0)


def encoder_bytes(replica: Replica) -> tuple[int, int]:
    """What encoders hold of one full step of the largest items, and what they take as they run, bytes.

    Source: profile_run of vLLM 0.29: as many items as a step's tokens hold, one at least. An encoder is not
    compiled: hidden states in and out, queries, keys and values, the feed-forward part's input and output.
    """
    size, held, running = width(replica), 0, 0
    for tower in replica.model.towers:
        if not tower.item_tokens:
            continue
        # A video is as long as fits into the context.
        steps = max(1, min(tower.item_steps, replica.engine.max_model_len // tower.item_tokens))
        items = max(1, replica.engine.max_num_batched_tokens // (steps * tower.item_tokens))
        patches = items * steps * tower.item_patches
        outputs = items * steps * tower.item_tokens * replica.model.hidden_size
        held = max(held, (outputs + patches * tower.patch_values) * size)
        parts = replica.tensor_parallel if tower.split else 1
        inner = (3 if tower.gated else 2) * tower.width // parts
        running = max(running, patches * (4 * tower.hidden_size + inner) * size)
    return held, running
