"""What a process holds outside of torch, and what of the GPU it may take."""

from math import ceil

from ..replica import Replica
from .activation import is_dense
from .fitted import FITTED, Fitted
from .versions import accounting

GIB = 2**30

CONTEXT_GIB = 0.51
"""The CUDA context, which vLLM does not count: free memory at start is below the total by this in every log
of a single H100. Units that talk to each other hold 1.0 to 1.6 GiB more before vLLM starts to count."""

EARLIER_STAGE_GIB = 0.07
"""Outside of torch on a pipeline stage that does not sample (two logs of vLLM 0.19)."""


def requested_gib(replica: Replica) -> float:
    """What vLLM may take of a unit: total × gpu_memory_utilization, rounded up to a byte."""
    return ceil(replica.silicon.memory_gib * GIB * replica.engine.gpu_memory_utilization) / GIB


def non_torch_gib(replica: Replica, *, last_stage: bool = True, fitted: Fitted = FITTED) -> float:
    """Memory outside of torch that grows from vLLM's first measurement to its last, on one unit."""
    counts = accounting(replica.engine.version, dense=is_dense(replica.model))
    runtime = fitted.runtime_gib if counts.runtime_gib is None else counts.runtime_gib
    runtime = runtime if last_stage else EARLIER_STAGE_GIB
    if replica.tensor_parallel == 1:
        return runtime
    if replica.silicon.link_gb_s is None:
        # Without NVLink NCCL makes no buffers for multicast: a log of four L40S shows none.
        return runtime
    if counts.communication_gib is not None:
        return runtime + counts.communication_gib
    widths = replica.tensor_parallel * replica.model.hidden_size
    return runtime + fitted.communication_gib + fitted.communication_gib_per_width * widths
