"""vLLM's CPU platform, taken by Ray for a GPU."""

import os
from typing import TYPE_CHECKING

from vllm import envs
from vllm.platforms.cpu import CpuPlatform

from .installed import KV_MIB
from .limits import UnsupportedOnSimulatedGpuError, check_engine

if TYPE_CHECKING:
    from vllm.config import VllmConfig
    from vllm.inputs import EngineInput
    from vllm.pooling_params import PoolingParams
    from vllm.sampling_params import SamplingParams

MIB = 1024**2


class SimGpuPlatform(CpuPlatform):
    """Computes on the CPU, and is placed by Ray on logical GPUs, as the Serve configuration says."""

    ray_device_key: str = "GPU"
    speculating: bool = False
    """Whether the engine of this process has tokens drafted."""

    @classmethod
    def get_punica_wrapper(cls) -> str:
        """The operators of LoRA adapters."""
        return "localcloud.sim_gpu.adapters.Adapters"

    @classmethod
    def check_and_update_config(cls, vllm_config: "VllmConfig") -> None:
        """Refuse what cannot be simulated; raises `UnsupportedOnSimulatedGpuError`."""
        _refuse(vllm_config)
        cls.speculating = vllm_config.speculative_config is not None
        cache = vllm_config.cache_config
        # `gpu_memory_utilization` is a share of a GPU; read as one of the machine it would take it whole.
        most = int(int(os.environ.get(KV_MIB, "256")) * MIB * envs.VLLM_RAY_PER_WORKER_GPUS)
        cache.kv_cache_memory_bytes = min(cache.kv_cache_memory_bytes or most, most)
        super().check_and_update_config(vllm_config)
        from vllm.config import CompilationMode  # which itself asks for the platform while it is imported

        # A GPU captures graphs in seconds. The CPU would call a C++ compiler for minutes.
        vllm_config.compilation_config.mode = CompilationMode.NONE

    @classmethod
    def validate_request(
        cls,
        processed_inputs: "EngineInput",  # noqa: ARG003 - as vLLM calls it
        params: "SamplingParams | PoolingParams",
    ) -> None:
        """Refuse a request that would end the engine; raises ValueError, which is a 400."""
        temperature = getattr(params, "temperature", 0.0)
        if cls.speculating and temperature:
            raise UnsupportedOnSimulatedGpuError(
                f"temperature = {temperature:g}: beside speculation a simulated GPU samples greedily only; "
                "allowed: 0"
            )


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
