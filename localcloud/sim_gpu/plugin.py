"""What vLLM calls of us in every process that sees the plugin; inert unless `SIM_GPU` is `1`."""

import os

from .installed import ACTIVE


def platform() -> str | None:
    """The platform that vLLM shall run on, or None where it shall find one by itself."""
    return "localcloud.sim_gpu.platform.SimGpuPlatform" if os.environ.get(ACTIVE) == "1" else None


def supply_operators() -> None:
    """Give PyTorch the operators that vLLM's CPU build would bring compiled; may be called again."""
    if os.environ.get(ACTIVE) == "1":
        from .operators import supply

        supply()
