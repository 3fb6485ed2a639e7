"""vLLM's CPU platform, taken by Ray for a GPU."""

import os
from typing import TYPE_CHECKING

from vllm.platforms.cpu import CpuPlatform

from .installed import KV_MIB

if TYPE_CHECKING:
    from vllm.config import VllmConfig

MIB = 1024**2
CACHE_DTYPES = ("auto", "bfloat16", "float16")


class UnsupportedOnSimulatedGpuError(ValueError):
    """A configuration that a GPU runs and this platform would run wrongly, or not at all."""


class SimGpuPlatform(CpuPlatform):
    """Computes on the CPU, and is placed by Ray on logical GPUs, as the Serve configuration says."""

    ray_device_key: str = "GPU"

    @classmethod
    def check_and_update_config(cls, vllm_config: "VllmConfig") -> None:
        """Refuse what cannot be simulated; raises `UnsupportedOnSimulatedGpuError`."""
        _refuse(vllm_config)
        cache = vllm_config.cache_config
        if cache.kv_cache_memory_bytes is None:
            # `gpu_memory_utilization` is a share of a GPU; read as one of the machine it would take it whole.
            cache.kv_cache_memory_bytes = int(os.environ.get(KV_MIB, "256")) * MIB
        super().check_and_update_config(vllm_config)
        from vllm.config import CompilationMode  # which itself asks for the platform while it is imported

        # A GPU captures graphs in seconds. The CPU would call a C++ compiler for minutes.
        vllm_config.compilation_config.mode = CompilationMode.NONE


def _refuse(vllm_config: "VllmConfig") -> None:
    model, cache_dtype = vllm_config.model_config, str(vllm_config.cache_config.cache_dtype)
    if cache_dtype not in CACHE_DTYPES:
        raise UnsupportedOnSimulatedGpuError(
            f"kv_cache_dtype = {cache_dtype}: a simulated GPU keeps the KV cache unquantized; "
            f"allowed: {', '.join(CACHE_DTYPES)}"
        )
    if model is not None and model.use_mla:
        raise UnsupportedOnSimulatedGpuError(
            f"{model.model}: multi-head latent attention has no operator on a simulated GPU"
        )
    if model is not None and model.quantization:
        raise UnsupportedOnSimulatedGpuError(
            f"quantization = {model.quantization}: a simulated GPU multiplies unquantized weights only"
        )
