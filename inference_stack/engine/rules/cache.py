"""The KV cache and the states of recurrent layers: blocks, types and what is kept."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .checkpoint import Checkpoint
from .lengths import chunked, context
from .pooling import pools, pools_whole_prompts
from .reading import flag, given, integer, settings, text
from .rule import EngineUse, Fault, rule


def keeps_prefixes(use: EngineUse, model: Checkpoint | None) -> bool | None:
    """Whether prefixes are cached: given, or as the model allows; None where that is not known."""
    stated = flag(use, "enable_prefix_caching")
    if stated is not None or model is None or model.traits is None:
        return stated
    if model.encoder_decoder or model.can("attention-free"):
        return False
    return not (pools(use, model) and (pools_whole_prompts(use, model) or model.can("hybrid")))


def recurrent(model: Checkpoint | None) -> bool:
    """Whether the model has layers with a state of fixed size."""
    return bool(model and (model.can("hybrid") or model.can("attention-free")))


@rule(
    "mamba-settings",
    Severity.ERROR,
    states="Settings of recurrent states go with prefix caching, the backend and the type that they need.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, validate_mamba_block_size; vllm/config/mamba.py",
)
def mamba_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings of Mamba layers that contradict each other."""
    model = use.model
    block, length = integer(use, "mamba_block_size"), context(use)
    if block and block != length and keeps_prefixes(use, model) is False:
        yield Fault(
            "mamba_block_size",
            "prefixes are not cached",
            given=str(block),
            remedy="enable_prefix_caching: true",
        )
    for path, algorithm, backend in _algorithms(use):
        if algorithm is not None and backend != "flashinfer":
            yield Fault(
                path,
                f"the backend {backend} has one algorithm",
                given=str(algorithm),
                remedy="mamba_backend: flashinfer",
            )
    rounding = flag(use, "enable_mamba_cache_stochastic_rounding") or settings(use, "mamba_config").get(
        "enable_stochastic_rounding"
    )
    if rounding and text(use, "mamba_ssm_cache_dtype") != "float16":
        yield Fault(
            "enable_mamba_cache_stochastic_rounding",
            "only float16 states are rounded",
            given="true",
            remedy="mamba_ssm_cache_dtype: float16",
        )


def _algorithms(use: EngineUse) -> Iterator[tuple[str, object, str]]:
    nested = settings(use, "mamba_config")
    inner = str(nested.get("backend") or "triton").lower()
    yield "mamba_config.ssu_algorithm", nested.get("ssu_algorithm"), inner
    outer = str(given(use, "mamba_backend") or "triton").lower()
    algorithm = given(use, "mamba_ssu_algorithm")
    if algorithm is None and inner == "flashinfer":
        algorithm = nested.get("ssu_algorithm")
    yield "mamba_ssu_algorithm", algorithm, outer


@rule(
    "mamba-prefixes",
    Severity.ERROR,
    states="States of recurrent layers are cached only with chunked prompts.",
    reference="vLLM 0.29.0: vllm/model_executor/models/config.py, MambaModelConfig",
)
def mamba_prefixes(use: EngineUse) -> Iterator[Fault]:
    """Prefix caching of a recurrent model whose prompts are not chunked."""
    model = use.model
    if recurrent(model) and keeps_prefixes(use, model) and chunked(use) is False:
        path = "enable_prefix_caching" if flag(use, "enable_prefix_caching") else "enable_chunked_prefill"
        yield Fault(
            path,
            "prompts are not chunked",
            given=str(given(use, path)).lower(),
            remedy="leave enable_chunked_prefill on",
        )


@rule(
    "replayssm-not-supported",
    Severity.ERROR,
    states="use_replayssm goes with models that have it, the Triton backend, and no KV connector.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, validate_mamba_cached_kernel",
)
def replayssm(use: EngineUse) -> Iterator[Fault]:
    """Replayed states where there are none."""
    if not flag(use, "use_replayssm"):
        return
    model = use.model
    if model and model.can("replayssm") is False:
        yield Fault(
            "use_replayssm",
            f"vLLM's {model.architectures[0]} does not have it",
            given="true",
            allowed="false",
        )
    if str(given(use, "mamba_backend") or "triton").lower() != "triton":
        yield Fault("use_replayssm", "mamba_backend is not triton", given="true")
    if settings(use, "kv_transfer_config").get("kv_connector") is not None:
        yield Fault("use_replayssm", "kv_transfer_config has a connector", given="true")
    if text(use, "mamba_cache_mode") == "all" and not settings(use, "speculative_config"):
        yield Fault(
            "mamba_cache_mode",
            "use_replayssm caches prefixes in align mode",
            given="all",
            allowed="none, align",
        )


@rule(
    "kv-type-with-latent-attention",
    Severity.ERROR,
    states="MLA models keep no nvfp4 caches.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, validate_nvfp4_kv_cache_with_mla",
)
def latent_types(use: EngineUse) -> Iterator[Fault]:
    """A type of cache that latent attention does not have."""
    model, stated = use.model, text(use, "kv_cache_dtype") or "auto"
    if model and model.latent and stated.startswith("nvfp4"):
        yield Fault("kv_cache_dtype", "the model has latent attention", given=stated, allowed="auto, fp8")


@rule(
    "offloading-groups",
    Severity.ERROR,
    states="Of each group of layers that is offloaded at most all are, and the next ones are fetched ahead.",
    reference="vLLM 0.29.0: vllm/config/offload.py, validate_offload_config",
)
def offloading_groups(use: EngineUse) -> Iterator[Fault]:
    """Groups of layers that hold more than they have."""
    each, inside = integer(use, "offload_group_size") or 0, integer(use, "offload_num_in_group") or 1
    if text(use, "offload_backend") != "prefetch" and each <= 0:
        return
    if inside > each:
        yield Fault(
            "offload_num_in_group",
            f"offload_group_size is {each}",
            given=str(inside),
            allowed=f"up to {each}",
        )
    if integer(use, "offload_prefetch_step") == 0:
        yield Fault(
            "offload_prefetch_step", "layers come back only ahead of time", given="0", allowed="1 or more"
        )


CACHE_RULES = (mamba_settings, mamba_prefixes, replayssm, latent_types, offloading_groups)
