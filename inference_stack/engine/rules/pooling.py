"""What a model is run for: to generate, or to pool its hidden states into vectors and classes."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .checkpoint import GENERATING_ENDINGS, POOLED_ENDINGS, Checkpoint
from .reading import settings, text
from .rule import EngineUse, Fault, rule


def pools(use: EngineUse, model: Checkpoint) -> bool:
    """Whether the runner is the pooling one: as given, else as vLLM resolves `auto`."""
    runner = text(use, "runner") or "auto"
    if runner != "auto":
        return runner == "pooling"
    if (text(use, "convert") or "auto") not in ("auto", "none"):
        return True
    if model.traits is not None and model.registered:
        return "pools" in model.traits
    name = model.architectures[0] if model.architectures else ""
    if name.endswith(GENERATING_ENDINGS):
        return False
    return name.endswith((*POOLED_ENDINGS, "Model"))


def reads_both_ways(model: Checkpoint) -> bool:
    """Whether tokens see those after them, so that no prompt can be cut into steps."""
    return bool(
        model.can("pools-first") or model.can("bidirectional") or model.fields.get("is_causal") is False
    )


def pools_whole_prompts(use: EngineUse, model: Checkpoint) -> bool:
    """Whether a pooling runner needs all of a prompt at once, so that it is neither cut nor cached."""
    pooler = settings(use, "pooler_config")
    kind = pooler.get("seq_pooling_type") or pooler.get("pooling_type")
    return reads_both_ways(model) or kind in ("MEAN", "CLS") or pooler.get("tok_pooling_type") == "STEP"


@rule(
    "runner-not-supported",
    Severity.ERROR,
    states="A model that only makes embeddings does not generate, and one that cannot pool is converted.",
    reference="vLLM 0.29.0: vllm/config/model.py, ModelConfig.__post_init__",
)
def runner_not_supported(use: EngineUse) -> Iterator[Fault]:
    """A runner that the model's class does not have."""
    model = use.model
    if model is None or model.traits is None:
        return
    runner = text(use, "runner") or "auto"
    generating = runner in ("generate", "draft") or (runner == "auto" and not pools(use, model))
    if generating and not model.can("generates"):
        yield Fault(
            "runner",
            f"vLLM's {model.architectures[0]} does not generate",
            given=runner,
            allowed="auto, pooling",
        )
    elif pools(use, model) and not model.can("pools") and text(use, "convert") == "none":
        yield Fault(
            "convert",
            f"vLLM's {model.architectures[0]} does not pool unless it is converted",
            given="none",
            allowed="auto, embed, classify",
        )


@rule(
    "pooler-settings",
    Severity.ERROR,
    states="pooler_config names one pooling type, a task that exists, and no sigma of 0.",
    reference="vLLM 0.29.0: vllm/config/pooler.py, PoolerConfig",
)
def pooler_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings of the pooler that exclude each other, or that were removed."""
    pooler = settings(use, "pooler_config")
    if pooler.get("pooling_type") is not None:
        for other in ("seq_pooling_type", "tok_pooling_type"):
            if pooler.get(other) is not None:
                yield Fault(f"pooler_config.{other}", "pooling_type says it too", remedy="name one of them")
    if pooler.get("logit_sigma") == 0:
        yield Fault("pooler_config.logit_sigma", "vLLM divides by it", given="0", allowed="any other number")
    if pooler.get("task") in REMOVED_TASKS:
        yield Fault(
            "pooler_config.task",
            "vLLM removed this task",
            given=str(pooler["task"]),
            allowed=REMOVED_TASKS[pooler["task"]],
        )


REMOVED_TASKS = {"score": "classify", "encode": "token_embed or token_classify"}

POOLING_RULES = (runner_not_supported, pooler_settings)
