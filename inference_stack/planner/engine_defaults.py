"""What vLLM's server picks for settings that nobody gave: by release, card and model.

Source: `EngineArgs.get_batch_defaults` and `_set_default_max_num_seqs_and_batched_tokens_args` of vLLM 0.29,
`CacheConfig.gpu_memory_utilization`; the same classes of cards held in the releases before, from 0.10 on.
"""

from inference_stack.engine.batch import BatchDefaults
from inference_stack.engine.batch import batch_defaults as card_defaults

from .memory.versions import FIRST_GRAPH_RESERVATION, minor
from .replica import Silicon


def batch_defaults(silicon: Silicon) -> BatchDefaults:
    """By the memory of the card, or of the slice, and its name."""
    return card_defaults(silicon.gpu, silicon.memory_gib)


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
