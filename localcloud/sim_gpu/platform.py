"""vLLM's CPU platform, taken by Ray for a GPU."""

import os
from typing import TYPE_CHECKING

from vllm import envs
from vllm.platforms.cpu import CpuPlatform

from .installed import KV_MIB
from .limits import UnsupportedOnSimulatedGpuError, check_engine

if TYPE_CHECKING:
    from vllm.config import VllmConfig

MIB = 1024**2


class SimGpuPlatform(CpuPlatform):
    """Computes on the CPU, and is placed by Ray on logical GPUs, as the Serve configuration says."""

    ray_device_key: str = "GPU"

    @classmethod
    def get_punica_wrapper(cls) -> str:
        """The operators of LoRA adapters."""
        return "localcloud.sim_gpu.adapters.Adapters"

    @classmethod
    def check_and_update_config(cls, vllm_config: "VllmConfig") -> None:
        """Refuse what cannot be simulated; raises `UnsupportedOnSimulatedGpuError`."""
        _refuse(vllm_config)
        cache = vllm_config.cache_config
        # `gpu_memory_utilization` is a share of a GPU; read as one of the machine it would take it whole.
        most = int(int(os.environ.get(KV_MIB, "256")) * MIB * envs.VLLM_RAY_PER_WORKER_GPUS)
        cache.kv_cache_memory_bytes = min(cache.kv_cache_memory_bytes or most, most)
        super().check_and_update_config(vllm_config)
        from vllm.config import CompilationMode  # which itself asks for the platform while it is imported

        # A GPU captures graphs in seconds. The CPU would call a C++ compiler for minutes.
        vllm_config.compilation_config.mode = CompilationMode.NONE


def _refuse(vllm_config: "VllmConfig") -> None:
    model, speculation = vllm_config.model_config, vllm_config.speculative_config
    check_engine(
        cache_dtype=str(vllm_config.cache_config.cache_dtype),
        quantization=model and model.quantization,
        speculation=speculation and speculation.method,
    )
    if model and model.use_mla:
        raise UnsupportedOnSimulatedGpuError(
            f"{model.model}: multi-head latent attention has no operator on a simulated GPU"
        )
    if model and (model.has_inner_state or model.is_hybrid or model.is_attention_free):
        raise UnsupportedOnSimulatedGpuError(
            f"{model.model}: recurrent layers have no operators on a simulated GPU"
        )
