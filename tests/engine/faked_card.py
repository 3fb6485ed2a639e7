"""A card that is not there: vLLM's CUDA platform with the name, memory and capability of one.

What CUDA's compiled parts would say when they are imported is left out; nothing is ever computed.
"""
# pyright: reportMissingImports=false

import sys
from types import ModuleType
from typing import Any

COMPILED = (
    *("_C_stable_libtorch", "_moe_C_stable_libtorch", "_qutlass_C"),
    *("vllm_flash_attn._vllm_fa2_C", "vllm_flash_attn._vllm_fa3_C"),
)
"""vLLM's extension modules, which want a driver."""
ASKED = ("block_fp8", "fp8", "fp4")
"""What kernels are asked whether they have it; a Hopper card has it all."""
CARDS = 4096
"""So many are in the node: how many there are is nothing that a set of arguments says."""


def fake_card(name: str, memory_gib: float, capability: tuple[int, int]) -> None:
    """Let vLLM find such a card: as the first, before it is imported, or in place of the last."""
    for module in COMPILED:
        sys.modules.setdefault(f"vllm.{module}", ModuleType(module))
    import torch

    for kind in ASKED:
        setattr(torch.ops._C, f"cutlass_scaled_mm_supports_{kind}", _yes)
    torch.ops._C.cutlass_group_gemm_supported = _yes  # type: ignore[attr-defined]

    import vllm.platforms as platforms
    from vllm.platforms.cuda import CudaPlatformBase
    from vllm.platforms.interface import DeviceCapability

    answers: dict[str, Any] = {
        "get_device_capability": DeviceCapability(*capability),
        "get_device_name": name,
        "get_device_total_memory": int(memory_gib * 2**30),
        "device_count": CARDS,
        "num_compute_units": 132,
        "is_fully_connected": True,
        "is_integrated_gpu": False,
        "import_kernels": None,
    }
    methods = {key: classmethod(lambda *_, said=said, **__: said) for key, said in answers.items()}
    faked = type("Faked", (CudaPlatformBase,), methods)
    if platforms._current_platform is None:
        platforms._current_platform = faked()
    else:
        # Modules of vLLM hold the platform by now: it becomes the other card.
        platforms._current_platform.__class__ = faked

    import vllm.config.vllm as config

    # Triton is there on a GPU, and with it the newer model runner.
    setattr(config, "HAS_TRITON", True)  # noqa: B010 - it is not exported


def _yes(*_: object) -> bool:
    return True
