"""How busy the GPUs of a replica are, where NVIDIA's management library (NVML) says it."""

import importlib
from collections.abc import Sequence
from typing import Any


class Gpus:
    """The GPUs that this process can see: in a pod, those of its one replica."""

    def __init__(self) -> None:
        """Look for them once; there may be none, nor a driver, nor NVML's Python binding."""
        self._nvml, self._handles = _found()

    def use(self) -> float | None:
        """Part of the time in which they ran a kernel, of the last second at most; of several, the mean.

        None where NVML does not say it. It never does of a GPU that is cut into slices.
        """
        if not self._handles:
            return None
        try:
            return mean_use([self._nvml.nvmlDeviceGetUtilizationRates(each).gpu for each in self._handles])
        except self._nvml.NVMLError:
            return None


def mean_use(percent: Sequence[float]) -> float:
    """The mean of what NVML says of each GPU, which it says in percent."""
    return min(1.0, sum(percent) / len(percent) / 100)


def _found() -> tuple[Any, list[Any]]:
    """NVML and its handles of the GPUs."""
    try:
        nvml: Any = importlib.import_module("pynvml")  # vLLM brings it along on CUDA
    except ImportError:
        return None, []
    try:
        nvml.nvmlInit()
        return nvml, [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return nvml, []
