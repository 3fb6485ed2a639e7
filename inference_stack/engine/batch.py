"""What vLLM's server picks for the size of a step where nobody says it: by the card's memory and name.

Source: vLLM 0.29.0, vllm/engine/arg_utils.py, EngineArgs.get_batch_defaults.
"""

from typing import NamedTuple


class BatchDefaults(NamedTuple):
    """Tokens of one step and requests that run at once."""

    max_num_batched_tokens: int
    max_num_seqs: int


LARGEST_CARDS = BatchDefaults(16384, 1024)
LARGE_CARDS = BatchDefaults(8192, 1024)
OTHERS = BatchDefaults(2048, 256)


def batch_defaults(gpu: str, memory_gib: float) -> BatchDefaults:
    """By the memory of the card, or of the slice, and its name: vLLM keeps steps on an A100 short."""
    if memory_gib >= 160:
        return LARGEST_CARDS
    if memory_gib >= 70 and "a100" not in gpu.lower():
        return LARGE_CARDS
    return OTHERS
