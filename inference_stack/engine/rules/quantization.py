"""How weights are stored, and how that goes with what the engine is told."""

from collections.abc import Iterator, Mapping

from inference_stack.spec import Severity

from .checkpoint import Checkpoint
from .reading import flag, given, is_given, settings, text
from .rule import EngineUse, Fault, rule

ONLINE = (
    "fp8_per_tensor",
    "fp8_per_block",
    "fp8_per_channel",
    "mxfp8",
    "mxfp4",
    "int8_per_channel_weight_only",
    "nvfp4_per_token",
    "online",
)
"""Methods that quantize while they load, and take a quantization_config."""
STORED = frozenset(
    [
        "auto_awq",
        "auto_gptq",
        "awq",
        "awq_marlin",
        "compressed-tensors",
        "fbgemm_fp8",
        "fp_quant",
        "gptq",
        "gptq_marlin",
        "inc",
        "modelopt",
        "modelopt_fp4",
        "modelopt_mixed",
        "modelopt_mxfp8",
        "moe_wna16",
        "quark",
        "torchao",
    ]
)
"""Methods that read weights which were quantized before, and their description in config.json."""
DEPRECATED = ("fbgemm_fp8", "fp_quant")
FLOAT32 = ("compressed-tensors", "torchao", "inc")
"""Methods that compute in float32 too."""
SAME: Mapping[str, frozenset[str]] = {
    "awq": frozenset(("awq", "auto_awq", "awq_marlin", "humming", "moe_wna16")),
    "gptq": frozenset(("gptq", "auto_gptq", "gptq_marlin", "humming", "moe_wna16")),
    "fp8": frozenset(("fp8", "deepseek_v4_fp8", "humming")),
    "compressed-tensors": frozenset(("compressed-tensors", "humming")),
}
"""What may be given for a checkpoint of a method; vLLM takes the checkpoint's own, or a faster kernel."""
QUANTIZED_TYPES: Mapping[str, str] = {
    "gemma2": "float16 overflows in it",
    "gemma3": "float16 overflows in it",
    "gemma3_text": "float16 overflows in it",
    "glm4": "float16 overflows in it",
}
"""Model types that vLLM does not run in float16."""
HALF, SINGLE = ("half", "float16"), ("float", "float32")


def method(use: EngineUse) -> str | None:
    """quantization, as given; vLLM reads it in small letters."""
    stated = text(use, "quantization")
    return None if stated is None else stated.lower()


@rule(
    "quantization-unknown",
    Severity.ERROR,
    states="quantization is a method that vLLM brings, and has not given up.",
    reference="vLLM 0.29.0: vllm/config/model.py, _verify_quantization; "
    "vllm/model_executor/layers/quantization/__init__.py",
)
def quantization_unknown(use: EngineUse) -> Iterator[Fault]:
    """A method that is not there, or that goes."""
    stated, argument = method(use), use.version.engine.get("quantization")
    model = use.model
    if stated is None or argument is None or (model and model.kind == "gpt_oss"):
        return
    known = [str(one) for one in argument.known]
    if stated not in known:
        yield Fault("quantization", "vLLM brings no such method", given=stated, allowed=", ".join(known))
    elif stated in DEPRECATED and not flag(use, "allow_deprecated_quantization"):
        yield Fault(
            "quantization",
            "vLLM gives this method up",
            given=stated,
            remedy="another method; for now allow_deprecated_quantization",
        )


@rule(
    "quantization-not-of-checkpoint",
    Severity.ERROR,
    states="quantization is that of the checkpoint; one without is only quantized while loading.",
    reference="vLLM 0.29.0: vllm/config/model.py, _verify_quantization; "
    "vllm/model_executor/model_loader/weight_utils.py, get_quant_config",
)
def not_of_checkpoint(use: EngineUse) -> Iterator[Fault]:
    """A method that the weights do not have."""
    stated, model = method(use), use.model
    if stated is None or model is None:
        return
    if model.kind == "gpt_oss":
        if stated == "humming":
            yield Fault(
                "quantization", "for this model it is a kernel", given=stated, remedy="moe_backend: humming"
            )
    elif model.quantization is None:
        if stated in STORED:
            yield Fault(
                "quantization",
                "the checkpoint's config.json describes no quantized weights",
                given=stated,
                remedy="serve a checkpoint that was quantized so, or quantize while loading: fp8",
            )
    elif stated not in SAME.get(model.quantization, {model.quantization}) and model.quantization in SAME:
        yield Fault(
            "quantization",
            f"the checkpoint is quantized by {model.quantization}",
            given=stated,
            allowed=", ".join(sorted(SAME[model.quantization])),
            remedy="leave it out: vLLM reads it from the checkpoint",
        )


@rule(
    "quantization-settings",
    Severity.ERROR,
    states="quantization_config goes with methods that quantize while loading, and names ones of these.",
    reference="vLLM 0.29.0: vllm/config/quantization.py, resolve_quantization_config",
)
def quantization_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings that no method reads."""
    stated = text(use, "quantization")
    config = given(use, "quantization_config")
    if stated is not None and stated not in ONLINE and config is not None:
        yield Fault(
            "quantization_config",
            f"{stated} takes no settings",
            remedy=f"leave it out, or quantization: {', '.join(ONLINE)}",
        )
    said = settings(use, "quantization_config")
    if method(use) == "online" and said.get("linear") is None and said.get("moe") is None:
        yield Fault(
            "quantization",
            "how to quantize is not said",
            given="online",
            remedy="quantization_config: linear or moe",
        )
    if isinstance(config, Mapping) and (stated is None or stated in ONLINE):
        for part in ("linear", "moe"):
            name = said.get(part)
            if isinstance(name, str) and name not in WEIGHTS[part]:
                yield Fault(
                    f"quantization_config.{part}",
                    "vLLM knows no such format",
                    given=name,
                    allowed=", ".join(sorted(WEIGHTS[part])),
                )


_KEYS = frozenset(
    [
        "fp8_per_tensor_static",
        "fp8_per_tensor_dynamic",
        "fp8_per_token",
        "fp8_per_channel_static",
        "fp8_per_block_static",
        "fp8_per_block_dynamic",
        "mxfp8",
        "mxfp4",
        "int8_per_channel_static",
    ]
)
_BOTH = frozenset(("fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "mxfp8", "mxfp4"))
WEIGHTS = {
    "linear": _KEYS | _BOTH,
    "moe": _KEYS | _BOTH | {"int8_per_channel_weight_only", "nvfp4_per_token"},
}
"""What quantization_config may name for each part of a model."""


@rule(
    "dtype-not-of-model",
    Severity.ERROR,
    states="dtype is one that the model and its quantization can compute in.",
    reference="vLLM 0.29.0: vllm/config/model.py, _check_valid_dtype; vllm/config/vllm.py",
)
def dtype_not_of_model(use: EngineUse) -> Iterator[Fault]:
    """A type that overflows, or that no kernel has."""
    stated, model = text(use, "dtype"), use.model
    if model is None or stated is None:
        return
    if stated in HALF and model.kind in QUANTIZED_TYPES:
        yield Fault(
            "dtype",
            f"vLLM does not run {model.kind} so: {QUANTIZED_TYPES[model.kind]}",
            given=stated,
            allowed="auto, bfloat16, float32",
        )
    quantized = _computes(use, model)
    if quantized is None or stated not in (*HALF, *SINGLE):
        return
    half = quantized not in ("gpt_oss_mxfp4", "modelopt_mxfp8", "fp_quant")
    if (stated in SINGLE and quantized not in FLOAT32) or (stated in HALF and not half):
        yield Fault(
            "dtype",
            f"weights quantized by {quantized} are not computed so",
            given=stated,
            allowed="auto, bfloat16" + (", float16" if half else ""),
        )


def _computes(use: EngineUse, model: Checkpoint) -> str | None:
    if model.kind == "gpt_oss":
        return "gpt_oss_mxfp4"
    return model.quantization or (method(use) if is_given(use, "quantization") else None)


QUANTIZATION_RULES = (quantization_unknown, not_of_checkpoint, quantization_settings, dtype_not_of_model)
