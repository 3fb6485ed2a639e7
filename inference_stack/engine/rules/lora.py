"""Adapters: how many, how wide, and for which models."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .lengths import batch
from .reading import flag, given, integer
from .rule import EngineUse, Fault, rule
from .speculation import tokens


@rule(
    "adapters-in-memory",
    Severity.ERROR,
    states="As many adapters fit the CPU's memory as run at once: max_cpu_loras >= max_loras.",
    reference="vLLM 0.29.0: vllm/config/lora.py, _validate_lora_config",
)
def adapters_in_memory(use: EngineUse) -> Iterator[Fault]:
    """Fewer adapters in memory than run."""
    held, running = integer(use, "max_cpu_loras"), integer(use, "max_loras")
    if flag(use, "enable_lora") and held and held > 0 and running and held < running:
        yield Fault("max_cpu_loras", f"max_loras is {running}", given=str(held), allowed=f"{running} or more")


@rule(
    "adapters-not-supported",
    Severity.ERROR,
    states="Adapters are served only with models whose class takes them.",
    reference="vLLM 0.29.0: vllm/v1/worker/lora_model_runner_mixin.py, load_lora_model",
)
def adapters_not_supported(use: EngineUse) -> Iterator[Fault]:
    """Adapters for a model that takes none. The engine says so only after it has loaded the model."""
    model = use.model
    if flag(use, "enable_lora") and model and model.registered and model.can("lora") is False:
        yield Fault(
            "enable_lora", f"vLLM's {model.architectures[0]} takes no adapters", given="true", allowed="false"
        )


@rule(
    "modality-adapters",
    Severity.ERROR,
    states="Adapters for modalities go with models that have some.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config",
)
def modality_adapters(use: EngineUse) -> Iterator[Fault]:
    """An adapter for pictures of a model that sees none."""
    model = use.model
    if given(use, "default_mm_loras") and model and model.can("multimodal") is False:
        yield Fault("default_mm_loras", "the model takes text alone", remedy="leave it out")


@rule(
    "adapters-with-drafts",
    Severity.ERROR,
    states="With adapters, a step takes all drafts: max_num_batched_tokens >= max_num_seqs x (drafts + 1).",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_engine_config",
)
def adapters_with_drafts(use: EngineUse) -> Iterator[Fault]:
    """Steps too short for drafts and adapters."""
    sizes, drafts = batch(use), tokens(use)
    if flag(use, "enable_lora") and sizes and drafts:
        needed = sizes.max_num_seqs * (drafts + 1)
        if sizes.max_num_batched_tokens < needed:
            yield Fault(
                "max_num_batched_tokens",
                f"{sizes.max_num_seqs} requests with {drafts} drafts each",
                given=str(sizes.max_num_batched_tokens),
                allowed=f"{needed} or more",
                remedy="raise it, or lower max_num_seqs or num_speculative_tokens",
            )


LORA_RULES = (adapters_in_memory, adapters_not_supported, modality_adapters, adapters_with_drafts)
