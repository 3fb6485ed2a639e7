"""What a model needs on a device: the artefact to ship, and the memory that its runtime takes there."""

from typing import NamedTuple

from inference_stack.catalog import EdgeFormat, ModelRow
from inference_stack.catalog.architecture import Architecture, Attention

from .memory.matrices import matrices, parameters

GIB = 2**30
CACHE_BYTES = 2
"""Runtimes of devices keep keys and values in 16 bits unless told otherwise."""
SMALL_BITS = 32
"""Norms and biases are kept in 32 bits."""


class EdgeNeed(NamedTuple):
    """Memory of one model on one device, GiB."""

    artefact_gib: float
    """Size of what is shipped; the runtime maps it into memory whole."""
    cache_gib: float
    """KV cache of one user at the context asked for."""
    overhead_gib: float
    """What the runtime takes beside."""

    @property
    def memory_gib(self) -> float:
        """All of it."""
        return self.artefact_gib + self.cache_gib + self.overhead_gib


def edge_need(row: ModelRow, form: EdgeFormat, context_tokens: int) -> EdgeNeed:
    """What a model takes in this form on a device, at a context no longer than the model's.

    The decoder alone: devices are given no vision tower. Raises CatalogError or ConfigError for a checkpoint
    that cannot be read.
    """
    model = row.architecture
    context = min(context_tokens, model.max_position_embeddings)
    return EdgeNeed(artefact_gib(model, form), cache_gib(model, context), form.overhead_gib)


def artefact_gib(model: Architecture, form: EdgeFormat) -> float:
    """Size of the weights in this form, GiB."""
    bits = {
        "embedding": form.head_bits if model.tied_embeddings else form.embedding_bits,
        "head": form.head_bits,
    }
    held = matrices(model)
    quantized = sum(count * m.parameters * bits.get(m.part, form.body_bits) for count, m in held)
    small = parameters(model, towers=False) - sum(count * m.parameters for count, m in held)
    return (quantized + small * SMALL_BITS) / 8 / GIB


def cache_gib(model: Architecture, context_tokens: int) -> float:
    """Keys and values of one request in 16 bits; a layer with a window keeps no more than its window."""
    total = 0
    for count, block in model.blocks:
        if not isinstance(block.mixer, Attention) or block.mixer.shares_kv:
            continue
        mixer = block.mixer
        tokens = min(context_tokens, mixer.window or context_tokens)
        latent = mixer.kv_lora_rank + mixer.qk_rope_head_dim
        width = latent if mixer.kind == "latent" else mixer.kv_heads * (mixer.head_dim + mixer.v_head_dim)
        total += count * tokens * width
    return total * CACHE_BYTES / GIB
