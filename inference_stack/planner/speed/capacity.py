"""How many requests run at once, by the memory plan."""

from functools import lru_cache
from math import ceil

from ..memory.activation import GIB
from ..memory.budget import memory
from ..memory.kv_cache import request_bytes
from ..replica import Replica


@lru_cache(maxsize=65536)
def running_requests(replica: Replica, prompt_tokens: float, output_tokens: float) -> float:
    """Requests of this shape that the KV cache and max_num_seqs let run at once, at least one.

    vLLM gives blocks as they fill, so a running request holds its prompt and in the mean half of its output.
    """
    held = ceil(prompt_tokens + output_tokens / 2)
    taken = request_bytes(replica, held)
    cached = memory(replica).kv_gib * GIB / taken if taken else float(replica.engine.max_num_seqs)
    return max(1.0, min(float(replica.engine.max_num_seqs), cached))
