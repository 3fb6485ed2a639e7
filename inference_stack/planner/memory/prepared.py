"""What vLLM's kernels and torch's allocator add to the weights of a checkpoint as it is loaded.

The engine logs them as weights ("Model loading took"); no parameter of the model holds them.
"""

from inference_stack.catalog.architecture import Attention, Block, Experts

from ..replica import Replica
from .weights import WIDTHS, rounded_up_bytes, stage_layers

MXFP4 = ("mxfp4", "gpt_oss_mxfp4")
MXFP4_BITS, MXFP4_SCALE_BITS = 4.0, 0.25
"""Of a weight, and its part of a scale that 32 weights share."""


def prepared_bytes(replica: Replica) -> tuple[int, ...]:
    """Bytes on a rank of each pipeline stage."""
    blocks = replica.model.each_block
    stages = stage_layers(len(blocks), replica.pipeline_parallel)
    added = [sum(_block_bytes(replica, blocks[layer]) for layer in layers) for layers in stages]
    return tuple(own + rest for own, rest in zip(added, rounded_up_bytes(replica), strict=True))


def _block_bytes(replica: Replica, block: Block) -> int:
    found = 0
    if isinstance(block.mixer, Attention) and block.mixer.kind == "latent":
        found += _absorbed(replica, block.mixer)
    if isinstance(block.feed_forward, Experts) and replica.layout.method in MXFP4:
        found += _padding(replica, block.feed_forward)
    return found


def _absorbed(replica: Replica, mixer: Attention) -> int:
    """Latent attention multiplies in the latent space: copies of both up-projections in 16 bits.

    Source: MLAAttention.process_weights_after_loading of vLLM 0.29 (W_UV, W_UK_T).
    """
    heads = -(-mixer.heads // replica.tensor_parallel)
    widths = mixer.qk_nope_head_dim + mixer.v_head_dim
    return heads * mixer.kv_lora_rank * widths * WIDTHS[replica.engine.dtype]


def _padding(replica: Replica, experts: Experts) -> int:
    """Matrices of mxfp4 experts are padded to the tiles of the kernel.

    Source: mxfp4_round_up_hidden_size_and_intermediate_size of vLLM 0.29: both sides for Marlin (before
    Hopper) and TensorRT-LLM (Blackwell). Triton's layout on Hopper pads values along the inputs to 256, which
    four logs of gpt-oss 20B and 120B meet within 0.2 GiB.
    """
    split = 1 if replica.engine.enable_expert_parallel else replica.tensor_parallel
    count = -(-experts.count // replica.tensor_parallel) if split == 1 else experts.count
    width, hidden = -(-experts.width // split), replica.model.hidden_size
    plain = 3 * width * hidden
    if replica.silicon.generation == "Hopper":
        rounded = _up(width, 64)
        padded = 2 * rounded * _up(hidden, 256) + hidden * _up(rounded, 256)
        return int(count * (padded - plain) * MXFP4_BITS / 8)
    padded = 3 * _up(width, 128) * _up(hidden, 256)
    return int(count * (padded - plain) * (MXFP4_BITS + MXFP4_SCALE_BITS) / 8)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
