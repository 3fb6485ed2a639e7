"""Makes an installed vLLM believe that it runs on eight H100, so that its own code can be asked for sizes.

Importing this module is enough. No kernel runs: models are built on torch's meta device, where tensors have
shapes and no memory. What stands in for hardware is here and nowhere else.
"""

# What stands in for hardware is written to be called as it is, and before vLLM is imported.
# ruff: noqa: ARG002, ARG003, ARG005, E402
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportPrivateUsage=false
# pyright: reportArgumentType=false, reportIncompatibleVariableOverride=false
import os
import sys
import types
from typing import Any

os.environ |= {
    "VLLM_LOGGING_LEVEL": "CRITICAL",
    "CUDA_VISIBLE_DEVICES": "",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "critical",
}

import torch

KERNELS = (
    *("_C", "_C_stable_libtorch", "_moe_C", "_moe_C_stable_libtorch", "_flashmla_C", "_qutlass_C"),
    *(
        "_flashmla_extension_C",
        "cumem_allocator",
        "vllm_flash_attn._vllm_fa2_C",
        "vllm_flash_attn._vllm_fa3_C",
    ),
)
"""Compiled modules of vLLM that want a CUDA driver when they are imported."""

NAMESPACES = ("_C", "_moe_C", "_C_cache_ops", "_vllm_fa2_C", "_vllm_fa3_C", "_flashmla_C", "_C_utils")
GPUS, CAPABILITY, MEMORY_GIB, MULTIPROCESSORS = 8, (9, 0), 79, 132


class AbsentKernel:
    """A kernel that can be named but not called; asked whether something is supported it says yes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any, **options: Any) -> bool:
        if "support" in self.name:
            return True
        raise RuntimeError(f"{self.name} would run on a GPU")

    def __getattr__(self, name: str) -> "AbsentKernel":
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentKernel(f"{self.name}.{name}")


class Inert:
    """A stream, event or device interface that does nothing."""

    cuda_stream = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None


def stand_in_for_torch_cuda() -> None:
    """What torch says of the GPU."""
    properties = types.SimpleNamespace(
        name="NVIDIA H100 80GB HBM3",
        major=CAPABILITY[0],
        minor=CAPABILITY[1],
        total_memory=MEMORY_GIB * 2**30,
        multi_processor_count=MULTIPROCESSORS,
        shared_memory_per_block_optin=232448,
        regs_per_multiprocessor=65536,
        warp_size=32,
        L2_cache_size=50 * 2**20,
    )
    torch.cuda.Stream = torch.cuda.Event = Inert
    torch.cuda.current_stream = lambda *_, **__: Inert()
    torch.cuda.get_device_properties = lambda *_, **__: properties
    torch.cuda.get_device_capability = lambda *_, **__: CAPABILITY
    torch.cuda.current_device = lambda: 0
    torch.cuda.device_count = lambda: GPUS
    torch.cuda._lazy_init = lambda: None
    torch.cuda.is_initialized = lambda: True


def stand_in_for_triton() -> None:
    """What Triton's driver says of the GPU."""
    import triton
    from triton.backends.compiler import GPUTarget

    properties = {"max_shared_mem": 232448, "multiprocessor_count": MULTIPROCESSORS, "warpSize": 32}
    properties |= {"max_num_regs": 65536, "sm_clock_rate": 1980000, "mem_clock_rate": 2619000}

    class Driver(Inert):
        utils = types.SimpleNamespace(get_device_properties=lambda device: properties)

        def get_current_target(self) -> GPUTarget:
            return GPUTarget("cuda", 90, 32)

        def get_current_device(self) -> int:
            return 0

        def get_active_torch_device(self) -> torch.device:
            return torch.device("cuda", 0)

    triton.runtime.driver.set_active(Driver())


def stand_in_for_kernels() -> None:
    """Every operation of vLLM's compiled modules exists by name."""
    import torch._ops

    found = torch._ops._OpNamespace.__getattr__

    def lenient(namespace: Any, name: str) -> Any:
        try:
            return found(namespace, name)
        except AttributeError:
            if name.startswith("__") or namespace.name not in NAMESPACES:
                raise
            return AbsentKernel(name)

    torch._ops._OpNamespace.__getattr__ = lenient


def older_pixtral() -> None:
    """Names of Pixtral's rotary embedding that vLLM 0.29 imports and the newest transformers renamed."""
    from transformers.models.pixtral import modeling_pixtral

    class Rotary(torch.nn.Module):
        def __init__(self, config: Any, device: Any = None) -> None:
            super().__init__()
            positions = (config.image_size // config.patch_size) ** 2
            table = torch.empty(positions, config.head_dim, dtype=torch.float32)
            self.register_buffer("inv_freq", table, persistent=False)

    for name, value in (("PixtralRotaryEmbedding", Rotary), ("position_ids_in_meshgrid", Inert())):
        if not hasattr(modeling_pixtral, name):
            setattr(modeling_pixtral, name, value)


def types_of_remote_code() -> None:
    """Model types whose configuration comes with the checkpoint, and has the fields of a known one."""
    from transformers import AutoConfig, LlamaConfig, Qwen2Config

    for kind, base in (("mimo", Qwen2Config), ("internlm2", LlamaConfig)):
        AutoConfig.register(kind, type(kind, (base,), {"model_type": kind}))


for _name in KERNELS:
    sys.modules[f"vllm.{_name}"] = types.ModuleType(f"vllm.{_name}")
stand_in_for_torch_cuda()
stand_in_for_triton()

from vllm import platforms
from vllm.platforms import cuda
from vllm.platforms.interface import DeviceCapability


class H100(cuda.NonNvmlCudaPlatform):
    """vLLM's CUDA platform, with answers in place of questions to a driver."""

    @classmethod
    def get_device_capability(cls, device_id: int = 0) -> DeviceCapability:
        return DeviceCapability(*CAPABILITY)

    @classmethod
    def has_device_capability(cls, capability: Any, device_id: int = 0) -> bool:
        wanted = capability if isinstance(capability, int) else capability[0] * 10 + capability[1]
        return wanted <= CAPABILITY[0] * 10 + CAPABILITY[1]

    @classmethod
    def get_device_name(cls, device_id: int = 0) -> str:
        return "NVIDIA H100 80GB HBM3"

    @classmethod
    def get_device_total_memory(cls, device_id: int = 0) -> int:
        return MEMORY_GIB * 2**30

    @classmethod
    def device_count(cls) -> int:
        return GPUS

    @classmethod
    def num_compute_units(cls, device_id: int = 0) -> int:
        return MULTIPROCESSORS

    @classmethod
    def is_fully_connected(cls, physical_device_ids: list[int]) -> bool:
        return True

    @classmethod
    def check_if_supports_dtype(cls, dtype: torch.dtype) -> None:
        pass

    @classmethod
    def current_device(cls) -> str:
        return "meta"

    @classmethod
    def import_kernels(cls) -> None:
        pass


platforms._current_platform = H100()

import vllm._custom_ops

stand_in_for_kernels()
older_pixtral()
types_of_remote_code()

import vllm.model_executor.models.registry

# Model classes are looked at in this process: a process each costs an import of vLLM.
vllm.model_executor.models.registry._run_in_subprocess = lambda function: function()
torch.set_num_threads(1)
