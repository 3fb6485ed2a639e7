"""What vLLM's server picks for settings that nobody gave: by release, card and model.

Source: `EngineArgs.get_batch_defaults` and `_set_default_max_num_seqs_and_batched_tokens_args` of vLLM 0.29,
`CacheConfig.gpu_memory_utilization`; the same classes of cards held in the releases before, from 0.10 on.
"""

from typing import NamedTuple

from .memory.versions import FIRST_GRAPH_RESERVATION, minor
from .replica import Silicon

PINNED = "0.29.0"
"""The release that this project deploys."""


class BatchDefaults(NamedTuple):
    """Tokens of one step and requests that run at once."""

    max_num_batched_tokens: int
    max_num_seqs: int


LARGEST_CARDS = BatchDefaults(16384, 1024)
LARGE_CARDS = BatchDefaults(8192, 1024)
OTHERS = BatchDefaults(2048, 256)


def batch_defaults(silicon: Silicon) -> BatchDefaults:
    """By the memory of the card, or of the slice, and its name: vLLM keeps steps on an A100 short."""
    if silicon.memory_gib >= 160:
        return LARGEST_CARDS
    if silicon.memory_gib >= 70 and "A100" not in silicon.gpu:
        return LARGE_CARDS
    return OTHERS


def batch(
    silicon: Silicon, max_model_len: int, batched_tokens: int | None = None, seqs: int | None = None
) -> BatchDefaults:
    """Settings as vLLM would run them: given ones unchanged, the others by the card.

    Defaults never give more tokens than all requests together can have, nor more requests than tokens.
    """
    default = batch_defaults(silicon)
    running = default.max_num_seqs if seqs is None else seqs
    tokens = min(default.max_num_batched_tokens, running * max_model_len)
    tokens = tokens if batched_tokens is None else batched_tokens
    return BatchDefaults(tokens, min(running, tokens) if seqs is None else running)


def utilization(version: str) -> float:
    """gpu_memory_utilization: raised when CUDA graphs began to be counted in."""
    return 0.92 if minor(version) >= FIRST_GRAPH_RESERVATION else 0.9
