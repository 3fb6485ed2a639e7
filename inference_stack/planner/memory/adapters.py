"""Memory of LoRA adapters: vLLM allocates every slot at its largest rank when it starts."""

from ..replica import Replica
from .matrices import matrices

ADAPTED = ("attention", "dense", "shared", "experts", "recurrent")
"""Parts whose matrices vLLM gives adapters; embeddings, head and router have none."""
WIDTH = 2
"""Bytes of a weight of an adapter: vLLM's lora_dtype follows the model's, 16 bits."""


def adapters_bytes(replica: Replica) -> int:
    """Slots of one rank, bytes: for every matrix rank × (inputs + outputs), as far as the rank holds them.

    Source: `create_lora_weights` of vllm/lora/layers of vLLM 0.29: the half that reads stands whole where the
    matrix is dealt out by its outputs, the half that writes where it is dealt out by its inputs.
    """
    engine = replica.engine
    if not engine.max_loras:
        return 0
    widths = 0
    for count, matrix in matrices(replica.model):
        if matrix.part in ADAPTED:
            held = matrix.on_rank(replica.tensor_parallel, engine.enable_expert_parallel)
            widths += count * held.count * (held.inputs + held.outputs)
    return engine.max_loras * engine.max_lora_rank * widths * WIDTH // replica.pipeline_parallel
