"""Drafts that a model or a rule makes ahead, and what they go with."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.spec import Severity

from .checkpoint import Checkpoint
from .parallelism import size
from .reading import as_integer, flag, given, settings, text
from .rule import EngineUse, Fault, rule

SPEC = {"spec_method": "method", "spec_model": "model", "spec_tokens": "num_speculative_tokens"}
"""Arguments that stand for a field of speculative_config."""
NEED_NO_MODEL = frozenset(("ngram", "ngram_gpu", "suffix", "extract_hidden_states", "mtp", "dspark"))
"""Methods that draft without a model of their own."""
ASYNC = frozenset(
    ("eagle", "eagle3", "extract_hidden_states", "mtp", "dflash", "ngram_gpu", "draft_model", "dspark")
)
"""Methods that go with asynchronous scheduling."""
EAGLE_LIKE = frozenset(("eagle", "eagle3", "mtp", "dflash", "dspark"))
MTP_TYPES = frozenset(
    [
        "deepseek_v3",
        "deepseek_v32",
        "deepseek_v4",
        "glm_moe_dsa",
        "dots3_note",
        "pangu_ultra_moe",
        "kimi_k3",
        "glm4_moe",
        "glm4_moe_lite",
        "glm_ocr",
        "ernie4_5_moe",
        "nemotron_h",
        "nemotron_h_puzzle",
        "qwen3_next",
        "qwen4_exp",
        "qwen4_exp_text",
        "bailing_hybrid",
        "exaone_moe",
        "exaone4_5",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_5_text",
        "qwen3_5_moe_text",
        "intern_s2_preview",
        "interns2_mobius",
        "longcat_flash",
        "longcat_flash_ngram",
        "step3p5",
        "step3p7",
        "hy_v3",
        "hy_v4",
        "inkling_mm_model",
        "inkling_model",
        "gemma4_assistant",
        "gemma4_unified_assistant",
        "minimax_m3_vl",
        "mimo",
        "mimo_v2",
        "mimo_v2_flash",
        "mimo_v2_omni",
        "kimi_k2",
    ]
)
"""Model types with layers that predict further tokens."""


def speculation(use: EngineUse) -> Mapping[str, Any] | None:
    """speculative_config as vLLM reads it, what spec_… arguments say included; None without speculation."""
    found = {str(key).replace("-", "_"): value for key, value in settings(use, "speculative_config").items()}
    stated = given(use, "speculative_config") is not None
    for name, field in SPEC.items():
        if use.arguments.get(name) is not None:
            found[field], stated = use.arguments[name], True
    return found if stated else None


def drafter(config: Mapping[str, Any]) -> str:
    """The method: as given, or as vLLM guesses it of the model's name."""
    named, model = config.get("method"), config.get("model")
    if named is None:
        if isinstance(model, str) and "/" not in model and "." in model:
            return "custom_class"
        return "ngram" if model in ("ngram", "[ngram]") else "draft_model"
    return "mtp" if str(named).endswith("_mtp") else str(named)


def tokens(use: EngineUse) -> int | None:
    """Drafts of one step; None without speculation, or where they are not said."""
    config = speculation(use)
    return None if config is None else as_integer(config.get("num_speculative_tokens"))


@rule(
    "speculation-said-twice",
    Severity.ERROR,
    states="What spec_method, spec_model and spec_tokens say, speculative_config does not say too.",
    reference="vLLM 0.29.0: vllm/engine/arg_utils.py, create_speculative_config",
)
def said_twice(use: EngineUse) -> Iterator[Fault]:
    """One setting in two places."""
    for name, field in SPEC.items():
        if use.arguments.get(name) is not None and field in settings(use, "speculative_config"):
            yield Fault(name, f"speculative_config.{field} says it too", remedy="name one of them")


@rule(
    "speculation-incomplete",
    Severity.ERROR,
    states="Speculation says how many tokens it drafts, and with which method or model.",
    reference="vLLM 0.29.0: vllm/config/speculative.py, __post_init__, _verify_args",
)
def incomplete(use: EngineUse) -> Iterator[Fault]:
    """Drafts of nobody, or of no number."""
    config = speculation(use)
    if config is None:
        return
    method, count = drafter(config), config.get("num_speculative_tokens")
    path = "speculative_config"
    if count is None and method not in ("suffix", "mtp"):
        yield Fault(path, "how many tokens to draft is not said", remedy="set num_speculative_tokens")
    elif config.get("model") is None and method not in NEED_NO_MODEL:
        yield Fault(
            path, f"{method} drafts with a model, and none is named", remedy="set model, or method: ngram"
        )
    elif count is None and config.get("model") is None and method == "mtp":
        yield Fault(path, "how many tokens to draft is not said", remedy="set num_speculative_tokens")


@rule(
    "speculation-settings",
    Severity.ERROR,
    states="Settings of speculation are those of its method, and do not contradict each other.",
    reference="vLLM 0.29.0: vllm/config/speculative.py, __post_init__, _verify_args",
)
def contradicting(use: EngineUse) -> Iterator[Fault]:
    """Settings that the method does not have."""
    config = speculation(use)
    if config is None:
        return
    method, path = drafter(config), "speculative_config"
    least, most = (as_integer(config.get(f"prompt_lookup_{end}")) for end in ("min", "max"))
    if method in ("ngram", "ngram_gpu") and least is not None and most is not None and least > most:
        yield Fault(
            f"{path}.prompt_lookup_min",
            f"prompt_lookup_max is {most}",
            given=str(least),
            allowed=f"up to {most}",
        )
    if config.get("tensor_parallel_size") is not None:
        yield Fault(
            f"{path}.tensor_parallel_size", "it is the draft's", remedy="set draft_tensor_parallel_size"
        )
    ranks = as_integer(config.get("draft_tensor_parallel_size"))
    if (
        ranks is not None
        and ranks not in (1, size(use, "tensor"))
        and method not in NEED_NO_MODEL - {"mtp", "dspark"}
    ):
        yield Fault(
            f"{path}.draft_tensor_parallel_size", "a draft lies on one rank or on all", given=str(ranks),
            allowed=f"1, {size(use, 'tensor')}",
        )  # fmt: skip
    yield from _of_one_method(config, method)
    synthetic = config.get("rejection_sample_method") == "synthetic"
    for name in ("synthetic_acceptance_rates", "synthetic_acceptance_length"):
        if config.get(name) is not None and not synthetic:
            yield Fault(f"{path}.{name}", "rejection_sample_method is not synthetic", remedy="leave it out")


ONLY: Mapping[str, str] = {
    "use_heterogeneous_vocab": "draft_model",
    "enable_adaptive_verification": "dspark",
    "dspark_draft_topk": "dspark",
    "index_share_for_mtp_iteration": "mtp",
}
"""Fields that one method alone has."""


def _of_one_method(config: Mapping[str, Any], method: str) -> Iterator[Fault]:
    for name, owner in ONLY.items():
        if name == "dspark_draft_topk" and method in NEED_NO_MODEL - {"mtp", "dspark"}:
            continue
        if config.get(name) not in (None, False) and method != owner:
            yield Fault(
                f"speculative_config.{name}", f"only {owner} has it, not {method}", remedy="leave it out"
            )


@rule(
    "speculation-not-supported",
    Severity.ERROR,
    states="A model predicts tokens itself (mtp) only if its type has the layers; suffix needs a package.",
    reference="vLLM 0.29.0: vllm/config/speculative.py, hf_config_override, _validate_suffix_decoding",
)
def not_supported(use: EngineUse) -> Iterator[Fault]:
    """A method that the model or the image does not have."""
    config, model = speculation(use), use.model
    if config is None:
        return
    method = drafter(config)
    if method == "suffix":
        yield Fault(
            "speculative_config.method",
            "it needs the package arctic-inference, which vLLM's and Ray's images lack",
            given="suffix",
            remedy="add it to the image, or method: ngram",
        )
    if method == "mtp" and config.get("model") is None and model:
        yield from _predicts(config, model)


def _predicts(config: Mapping[str, Any], model: Checkpoint) -> Iterator[Fault]:
    count, layers = (
        as_integer(config.get("num_speculative_tokens")),
        model.fields.get("num_nextn_predict_layers"),
    )
    if model.kind not in MTP_TYPES:
        yield Fault(
            "speculative_config.method",
            f"a model of type {model.kind} has no layers that predict further tokens",
            given=str(config.get("method")),
            remedy="method: ngram, or name a draft in model",
        )
    elif isinstance(layers, int) and layers > 0 and count and count > layers and count % layers:
        yield Fault(
            "speculative_config.num_speculative_tokens",
            f"the model has {layers} such layers",
            given=str(count),
            allowed=f"up to {layers}, or a multiple of it",
        )


@rule(
    "speculation-with-others",
    Severity.ERROR,
    states="Speculation goes with asynchronous scheduling, fast prefill and replay where its method does.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__, _verify_sampling_replay_config",
)
def with_others(use: EngineUse) -> Iterator[Fault]:
    """What does not go with drafts of this kind."""
    config = speculation(use)
    if config is None:
        if text(use, "per_request_spec_decode_metrics") not in (None, "none"):
            yield Fault(
                "per_request_spec_decode_metrics",
                "nothing is drafted",
                given=text(use, "per_request_spec_decode_metrics"),
                allowed="none",
                remedy="set speculative_config",
            )
        return
    method = drafter(config)
    if flag(use, "async_scheduling") and (method not in ASYNC or config.get("disable_padded_drafter_batch")):
        yield Fault(
            "async_scheduling",
            "drafts of this kind are not scheduled ahead",
            given="true",
            allowed="false, or left out",
        )
    if flag(use, "kv_sharing_fast_prefill") and method in EAGLE_LIKE:
        yield Fault(
            "kv_sharing_fast_prefill", f"{method} reads the logits of prompts", given="true", allowed="false"
        )
    if flag(use, "return_sampling_mask"):
        yield Fault("return_sampling_mask", "speculation is on", given="true", allowed="false")


SPECULATION_RULES = (said_twice, incomplete, contradicting, not_supported, with_others)
