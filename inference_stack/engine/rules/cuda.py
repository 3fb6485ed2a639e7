"""What only a GPU refuses: vLLM's CPU platform, and a configuration that is only read, let it pass."""

from collections.abc import Iterator, Mapping

from inference_stack.spec import Severity

from .quantization import method
from .reading import integer, is_given, settings, text
from .rule import EngineUse, Fault, rule

BLOCK = 16
"""Tokens of which every CUDA attention backend wants a block to be a multiple."""
CACHES: Mapping[str, frozenset[str]] = {
    "FLASH_ATTN": frozenset(("auto", "float16", "bfloat16", "fp8", "fp8_e4m3")),
    "FLASHINFER": frozenset(
        ("auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2", "nvfp4", "nvfp4_4over6")
    ),
    "FLEX_ATTENTION": frozenset(("auto", "float16", "bfloat16")),
}
"""Types of KV cache that a backend keeps."""
NOT_CUDA = ("ROCM_", "XPU_", "CPU_", "AMX_", "TORCH_SDPA")
CAPABILITIES: Mapping[str, int] = {
    **dict.fromkeys(
        ("awq", "auto_awq", "awq_marlin", "fp8", "modelopt_fp4", "torchao", "humming", "mxfp8"), 75
    ),
    **dict.fromkeys(("fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "online"), 75),
    **dict.fromkeys(("modelopt", "experts_int8", "mxfp4", "gpt_oss_mxfp4", "fbgemm_fp8"), 80),
    **dict.fromkeys(("gptq", "auto_gptq", "gptq_marlin", "inc"), 60),
    **dict.fromkeys(("compressed-tensors", "quark", "moe_wna16"), 70),
    "fp_quant": 100,
}
"""Least compute capability of a quantization, ten times."""


def _latent(use: EngineUse) -> bool:
    model = use.model
    return bool(model and model.latent)


def _backend(use: EngineUse) -> str | None:
    stated = text(use, "attention_backend") or settings(use, "attention_config").get("backend")
    return stated.upper() if isinstance(stated, str) and stated.lower() != "auto" else None


@rule(
    "block-size-on-gpu",
    Severity.ERROR,
    states=f"A block of the KV cache has a multiple of {BLOCK} tokens.",
    reference="vLLM 0.29.0: get_supported_kernel_block_sizes of vllm/v1/attention/backends/*.py",
)
def block_size(use: EngineUse) -> Iterator[Fault]:
    """A block that no kernel reads."""
    block = integer(use, "block_size")
    if use.gpu and block and block % BLOCK:
        yield Fault(
            "block_size",
            "no CUDA attention backend reads such blocks",
            given=str(block),
            allowed=f"a multiple of {BLOCK}",
        )


@rule(
    "attention-backend-on-gpu",
    Severity.ERROR,
    states="The attention backend is one for CUDA, with or without latent attention as the model has it.",
    reference="vLLM 0.29.0: vllm/platforms/cuda.py, get_attn_backend_cls; vllm/v1/attention/backend.py",
)
def attention_backend(use: EngineUse) -> Iterator[Fault]:
    """A backend of other devices, or for other models."""
    backend, model = _backend(use), use.model
    if use.gpu is None or backend is None:
        return
    path = "attention_backend" if is_given(use, "attention_backend") else "attention_config.backend"
    if backend.startswith(NOT_CUDA):
        yield Fault(
            path, "this backend is not for CUDA", given=backend, allowed="FLASH_ATTN, FLASHINFER, TRITON_ATTN"
        )
    elif model and model.latent and backend in CACHES:
        yield Fault(path, "the model has latent attention (MLA)", given=backend, remedy="leave it out")
    elif model and model.heads and not model.latent and "MLA" in backend:
        yield Fault(path, "the model has no latent attention (MLA)", given=backend, remedy="leave it out")


@rule(
    "kv-type-on-gpu",
    Severity.ERROR,
    states="The KV cache is of a type that the card and the attention backend have.",
    reference="vLLM 0.29.0: supported_kv_cache_dtypes of vllm/v1/attention/backends/*.py; "
    "vllm/v1/attention/backends/flashinfer.py, supports_kv_cache_dtype",
)
def kv_type(use: EngineUse) -> Iterator[Fault]:
    """A type of cache that no kernel on this card reads."""
    stated, backend = text(use, "kv_cache_dtype") or "auto", _backend(use)
    if use.gpu is None:
        return
    if stated == "fp8_inc":
        yield Fault("kv_cache_dtype", "this type is Gaudi's", given=stated, allowed="fp8, auto")
    elif stated.startswith("nvfp4") and use.gpu.compute_capability < (10, 0):
        yield Fault(
            "kv_cache_dtype", f"{use.gpu.name} has no 4-bit floats", given=stated, allowed="fp8, auto"
        )
    elif stated.startswith("fp8") and use.gpu.compute_capability < (8, 9) and backend == "FLASH_ATTN":
        yield Fault(
            "kv_cache_dtype",
            f"FlashAttention reads no fp8 on {use.gpu.name}",
            given=stated,
            remedy="attention_backend: FLASHINFER",
        )
    elif backend is not None and backend in CACHES and stated not in CACHES[backend] and not _latent(use):
        yield Fault(
            "kv_cache_dtype",
            f"{backend} keeps no such cache",
            given=stated,
            allowed=", ".join(sorted(CACHES[backend])),
        )


@rule(
    "quantization-on-gpu",
    Severity.ERROR,
    states="The card's compute capability is one that the quantization has kernels for.",
    reference="vLLM 0.29.0: get_min_capability of vllm/model_executor/layers/quantization/*.py",
)
def quantization(use: EngineUse) -> Iterator[Fault]:
    """Weights that the card cannot compute with."""
    model = use.model
    stated = (model.quantization if model else None) or method(use)
    least = CAPABILITIES.get(stated or "")
    if use.gpu is None or least is None:
        return
    major, minor = use.gpu.compute_capability
    if major * 10 + minor < least:
        yield Fault(
            "quantization",
            f"{stated} wants compute capability {least / 10:.1f}, {use.gpu.name} has {major}.{minor}",
            given=stated,
        )


@rule(
    "dtype-on-gpu",
    Severity.ERROR,
    states="bfloat16 runs on cards of compute capability 8.0 and above.",
    reference="vLLM 0.29.0: vllm/platforms/cuda.py, check_if_supports_dtype",
)
def dtype(use: EngineUse) -> Iterator[Fault]:
    """A type that the card does not have."""
    if use.gpu and use.gpu.compute_capability < (8, 0) and text(use, "dtype") == "bfloat16":
        yield Fault("dtype", f"{use.gpu.name} has no bfloat16", given="bfloat16", allowed="float16, auto")


@rule(
    "stochastic-rounding-on-gpu",
    Severity.ERROR,
    states="The Triton backend rounds states stochastically only on data-centre Blackwell.",
    reference="vLLM 0.29.0: vllm/config/mamba.py, MambaConfig.__post_init__",
)
def stochastic_rounding(use: EngineUse) -> Iterator[Fault]:
    """Rounding that the card has no instruction for."""
    nested = settings(use, "mamba_config")
    triton = str(nested.get("backend") or "triton").lower() == "triton"
    if (
        use.gpu
        and nested.get("enable_stochastic_rounding")
        and triton
        and use.gpu.compute_capability[0] != 10
    ):
        yield Fault(
            "mamba_config.enable_stochastic_rounding",
            f"{use.gpu.name} cannot by Triton",
            given="true",
            remedy="mamba_config.backend: flashinfer",
        )


@rule(
    "precision-with-attention",
    Severity.ERROR,
    states="FlashAttention and FlashInfer compute in 16 bits.",
    reference="vLLM 0.29.0: supported_dtypes of vllm/v1/attention/backends/flash_attn.py and flashinfer.py",
)
def precision(use: EngineUse) -> Iterator[Fault]:
    """float32 with a backend that has none."""
    backend = _backend(use)
    if use.gpu and backend in ("FLASH_ATTN", "FLASHINFER") and text(use, "dtype") in ("float", "float32"):
        yield Fault(
            "dtype",
            f"{backend} computes in 16 bits",
            given=text(use, "dtype"),
            allowed="auto, bfloat16, float16",
        )


CUDA_RULES = (block_size, attention_backend, kv_type, quantization, dtype, stochastic_rounding, precision)
CUDA_ONLY = frozenset(one.code for one in CUDA_RULES)
"""Codes of what only a GPU refuses; tests count them apart."""
