"""What runs, but costs more than it seems."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .lengths import batch, context
from .pooling import pools
from .reading import flag, integer, is_given, number
from .rule import EngineUse, Fault, rule

FULL, LOW = 0.97, 0.5
"""Shares of a card's memory: above the first nothing is left for peaks, below the second most lies idle."""


@rule(
    "eager-on-gpu",
    Severity.WARNING,
    states="CUDA graphs and compilation stay on where a GPU serves.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__ (enforce_eager turns both off)",
)
def eager(use: EngineUse) -> Iterator[Fault]:
    """An engine that launches every kernel by itself."""
    if use.gpu and flag(use, "enforce_eager"):
        yield Fault(
            "enforce_eager",
            "short steps wait for the CPU: decoding slows down",
            given="true",
            remedy="leave it out",
        )


@rule(
    "memory-share",
    Severity.WARNING,
    states="gpu_memory_utilization leaves a little of the card for peaks, and uses most of it.",
    reference="vLLM 0.29.0: vllm/config/cache.py; vllm/v1/worker/utils.py, request_memory",
)
def memory_share(use: EngineUse) -> Iterator[Fault]:
    """A share that is too much or too little."""
    share = number(use, "gpu_memory_utilization")
    if share is None or not is_given(use, "gpu_memory_utilization") or is_given(use, "kv_cache_memory_bytes"):
        return
    if FULL < share <= 1:
        yield Fault(
            "gpu_memory_utilization",
            "the driver and peaks of memory need some",
            given=str(share),
            allowed=f"up to {FULL}",
        )
    elif 0 < share < LOW:
        yield Fault(
            "gpu_memory_utilization",
            "most of the card lies idle, unless another engine shares it",
            given=str(share),
            allowed=f"{LOW} or more",
        )


@rule(
    "prefixes-not-cached",
    Severity.WARNING,
    states="Prefixes stay cached: equal beginnings are read once.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, _set_default_chunked_prefill_and_prefix_caching_args",
)
def prefixes_not_cached(use: EngineUse) -> Iterator[Fault]:
    """Prompts that are read again and again."""
    model = use.model
    off = is_given(use, "enable_prefix_caching") and flag(use, "enable_prefix_caching") is False
    if off and not (model and (pools(use, model) or model.can("attention-free") or model.encoder_decoder)):
        yield Fault(
            "enable_prefix_caching",
            "system prompts and chats are read anew each time",
            given="false",
            remedy="leave it out",
        )


@rule(
    "prefill-not-chunked",
    Severity.WARNING,
    states="Prompts stay chunked where the model generates: vLLM supports nothing else.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, _set_default_chunked_prefill_and_prefix_caching_args",
)
def prefill_not_chunked(use: EngineUse) -> Iterator[Fault]:
    """Prompts that are read in one step, while all others wait."""
    model = use.model
    off = is_given(use, "enable_chunked_prefill") and flag(use, "enable_chunked_prefill") is False
    if off and not (model and (pools(use, model) or model.encoder_decoder)):
        yield Fault(
            "enable_chunked_prefill",
            "vLLM does not officially support this, and long prompts stall others",
            given="false",
            remedy="leave it out",
        )


@rule(
    "batch-beyond-requests",
    Severity.WARNING,
    states="A step takes no more tokens than all requests together can have.",
    reference="vLLM 0.29.0: vllm/config/scheduler.py, verify_max_model_len",
)
def batch_beyond_requests(use: EngineUse) -> Iterator[Fault]:
    """Memory for steps that never come."""
    sizes, length = batch(use), context(use)
    if sizes and length and sizes.max_num_batched_tokens > sizes.max_num_seqs * length:
        yield Fault(
            "max_num_batched_tokens",
            f"{sizes.max_num_seqs} requests of {length} tokens",
            given=str(sizes.max_num_batched_tokens),
            allowed=f"up to {sizes.max_num_seqs * length}",
        )


@rule(
    "ranks-beyond-kv-heads",
    Severity.NOTE,
    states="tensor_parallel_size is at most the number of KV heads: beyond it, each is kept more than once.",
    reference="vLLM 0.29.0: vllm/config/model.py, get_num_kv_heads",
)
def beyond_kv_heads(use: EngineUse) -> Iterator[Fault]:
    """KV caches that several ranks hold alike."""
    model, ranks = use.model, integer(use, "tensor_parallel_size")
    if model and ranks and model.heads and model.kv_heads and not model.latent and model.heads % ranks == 0:
        shared = integer(use, "decode_context_parallel_size") or 1
        if ranks > model.kv_heads * shared:
            yield Fault(
                "tensor_parallel_size",
                f"the model has {model.kv_heads} KV heads: {ranks // model.kv_heads} ranks hold each",
                given=str(ranks),
                remedy="decode_context_parallel_size shares them out, or fewer ranks",
            )


ADVICE = (
    eager,
    memory_share,
    prefixes_not_cached,
    prefill_not_chunked,
    batch_beyond_requests,
    beyond_kv_heads,
)
