"""How long a request may be, and how much of it one step takes."""

from collections.abc import Iterator
from math import inf

from inference_stack.engine.batch import BatchDefaults, batch_defaults
from inference_stack.spec import Severity

from .checkpoint import Checkpoint
from .pooling import pools, pools_whole_prompts
from .reading import flag, integer, is_given, text
from .rule import EngineUse, Fault, rule

BATCHED_EXPERTS = ("deepep_low_latency", "nixl_ep")
"""Values of all2all_backend with which steps of data-parallel experts default to 256 tokens."""

UNSTATED = 2048
"""max_model_len of a model whose config.json states no length."""


def derived(use: EngineUse, model: Checkpoint) -> tuple[float, str] | None:
    """Longest context that the model can have here, tokens, and what says so; None where nothing does."""
    found = model.longest_in_window if flag(use, "disable_sliding_window") else model.longest
    return None if found[0] == inf else found


def context(use: EngineUse) -> int | None:
    """max_model_len, given or derived, tokens; None where neither is known."""
    stated = integer(use, "max_model_len")
    if stated is not None and stated > 0:
        return stated
    model = use.model
    if model and model.can("attention-free") and model.longest[0] == inf:
        return UNSTATED
    if model and model.asked is not None:
        return model.asked
    longest = derived(use, model) if model else None
    return None if longest is None else int(longest[0])


def chunked(use: EngineUse) -> bool | None:
    """Whether prompts are cut into steps: given, or as the model allows; None where that is not known."""
    model = use.model
    if model and model.encoder_decoder:
        return False
    stated = flag(use, "enable_chunked_prefill")
    if stated is not None or model is None:
        return stated
    if pools(use, model):
        return None if model.traits is None else not pools_whole_prompts(use, model)
    return True


def batch(use: EngineUse) -> BatchDefaults | None:
    """Tokens and requests of one step as they will be; None where they hang on a card that is not known."""
    tokens, seqs = integer(use, "max_num_batched_tokens"), integer(use, "max_num_seqs")
    if tokens is not None and seqs is not None:
        return BatchDefaults(tokens, seqs)
    if use.gpu is None:
        return None
    default = batch_defaults(use.gpu.name, use.gpu.memory_gib)
    factor = 2 if text(use, "performance_mode") == "throughput" else 1
    running = default.max_num_seqs * factor if seqs is None else seqs
    if tokens is None:
        tokens = (256 if _batched_experts(use) else default.max_num_batched_tokens) * factor
        length = context(use)
        if length is not None:
            tokens = max(tokens, length) if chunked(use) is False else tokens
            tokens = min(tokens, running * length)
    return BatchDefaults(tokens, min(running, tokens) if seqs is None else running)


def _batched_experts(use: EngineUse) -> bool:
    apart = (integer(use, "data_parallel_size") or 1) > 1
    return bool(
        apart and flag(use, "enable_expert_parallel") and text(use, "all2all_backend") in BATCHED_EXPERTS
    )


@rule(
    "context-not-positive",
    Severity.ERROR,
    states="max_model_len is positive, or -1 where the model's config.json states a length.",
    reference="vLLM 0.29.0: vllm/config/model.py, validate_model_config_after",
)
def context_not_positive(use: EngineUse) -> Iterator[Fault]:
    """A context of no tokens."""
    stated = integer(use, "max_model_len")
    if stated == 0:
        yield Fault(
            "max_model_len", "a context of 0 tokens", given="0", allowed="1 or more, or -1 for the longest"
        )
    model = use.model
    if stated == -1 and model and model.longest[0] == inf:
        yield Fault(
            "max_model_len", "the model states no longest context", given="-1", allowed="a number of tokens"
        )


@rule(
    "context-beyond-model",
    Severity.ERROR,
    states="max_model_len is at most what the model's config.json allows, its RoPE scaling included.",
    reference="vLLM 0.29.0: vllm/config/model.py, _get_and_verify_max_len",
)
def context_beyond_model(use: EngineUse) -> Iterator[Fault]:
    """A longer context than the model was made for."""
    stated, model = integer(use, "max_model_len"), use.model
    longest = derived(use, model) if model else None
    if stated is None or model is None or longest is None or stated <= longest[0]:
        return
    if model.model_max_length is not None and stated <= model.model_max_length:
        return
    yield Fault(
        "max_model_len",
        f"the model's config.json allows {longest[0]:.0f} tokens ({longest[1]})",
        given=str(stated),
        allowed=f"up to {longest[0]:.0f}",
        remedy="shorten it, or scale the model's RoPE by hf_overrides",
    )


@rule(
    "batch-below-context",
    Severity.ERROR,
    states="Without chunked prefill a step takes a whole context: max_num_batched_tokens >= max_model_len.",
    reference="vLLM 0.29.0: vllm/config/scheduler.py, verify_max_model_len",
)
def batch_below_context(use: EngineUse) -> Iterator[Fault]:
    """Prompts that no step can take."""
    length = context(use)
    if chunked(use) is not False or length is None:
        return
    sizes = batch(use)
    tokens = sizes.max_num_batched_tokens if sizes else integer(use, "max_num_batched_tokens")
    if tokens is not None and tokens < length:
        yield Fault(
            "max_num_batched_tokens",
            f"prompts are not chunked here, and a context has {length} tokens",
            given=str(tokens),
            allowed=f"{length} or more",
            remedy="raise it, shorten max_model_len, or leave enable_chunked_prefill on",
        )


@rule(
    "batch-below-requests",
    Severity.ERROR,
    states="Every running request gets a token in each step: max_num_seqs <= max_num_batched_tokens.",
    reference="vLLM 0.29.0: vllm/config/scheduler.py, verify_max_model_len",
)
def batch_below_requests(use: EngineUse) -> Iterator[Fault]:
    """More requests than tokens in a step."""
    sizes = batch(use)
    if sizes and 0 < sizes.max_num_batched_tokens < sizes.max_num_seqs:
        path = "max_num_seqs" if is_given(use, "max_num_seqs") else "max_num_batched_tokens"
        yield Fault(
            path,
            f"{sizes.max_num_seqs} requests at once, but a step has {sizes.max_num_batched_tokens} tokens",
            given=str(use.arguments.get(path)),
            allowed="max_num_seqs up to max_num_batched_tokens",
        )


@rule(
    "long-prefill-beyond-context",
    Severity.ERROR,
    states="long_prefill_token_threshold is at most max_model_len.",
    reference="vLLM 0.29.0: vllm/config/scheduler.py, verify_max_model_len",
)
def long_prefill_beyond_context(use: EngineUse) -> Iterator[Fault]:
    """A threshold that no prompt can pass."""
    threshold, length, model = integer(use, "long_prefill_token_threshold"), context(use), use.model
    if threshold and length is not None and threshold > length and not (model and model.encoder_decoder):
        yield Fault(
            "long_prefill_token_threshold",
            f"a context has {length} tokens",
            given=str(threshold),
            allowed=f"up to {length}",
        )


LENGTH_RULES = (
    context_not_positive,
    context_beyond_model,
    batch_below_context,
    batch_below_requests,
    long_prefill_beyond_context,
)
