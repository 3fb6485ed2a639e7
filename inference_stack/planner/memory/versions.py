"""What changed between vLLM's releases in how it measures memory.

Read from vLLM's source at 0.29 (`v1/worker/gpu_worker.py`, `v1/worker/gpu/model_runner.py`) and from public
start-up logs of the releases before it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accounting:
    """How one release profiles a start-up."""

    logit_bytes: int
    """Float buffers that the profiled sampler holds beside the logits of the head, bytes a logit."""
    top_k_rows: bool
    """Whether the sampler's top-k kernel keeps one row of float logits for each multiprocessor."""
    reserves_graphs: bool
    """Whether the estimate of the CUDA graphs is taken from the KV cache."""
    runtime_gib: float | None = None
    """Memory outside of torch on one unit where it is not that of 0.19, which is fitted."""
    communication_gib: float | None = None
    """The same of what units that NVLink connects hold more."""


SORTING = Accounting(36, top_k_rows=False, reserves_graphs=False, runtime_gib=0.13, communication_gib=0.42)
"""To 0.16: top-k and top-p by sorting. 38 bytes a logit, those of the head included, in six logs."""

FIRST_TRITON = Accounting(12, top_k_rows=True, reserves_graphs=False, runtime_gib=0.13)
TRITON = Accounting(12, top_k_rows=True, reserves_graphs=False)
"""0.17, and 0.18 to 0.20: a top-k kernel, then float logits, probabilities and noise of four bytes each."""

LATER_COMMUNICATION_GIB = 1.2
"""Three logs of 0.26 and later on GB200, B300 and H200 lie between 0.7 and 1.5 GiB."""

RESERVING = Accounting(12, top_k_rows=True, reserves_graphs=True, communication_gib=LATER_COMMUNICATION_GIB)
"""0.21 to 0.28 on the first model runner: the same, and CUDA graphs are estimated and set aside."""

UNRESERVED = Accounting(0, top_k_rows=False, reserves_graphs=False, communication_gib=LATER_COMMUNICATION_GIB)
"""0.25 to 0.28, dense models: the second model runner profiles no top-k and reports no CUDA graphs."""

SECOND_RUNNER = Accounting(
    0, top_k_rows=False, reserves_graphs=True, communication_gib=LATER_COMMUNICATION_GIB
)
"""From 0.29 on: the second model runner for all; its graphs are estimated again."""

FIRST_GRAPH_RESERVATION = 21
"""Minor release from which VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS is on."""


def minor(version: str) -> int:
    """29 of 0.29.0, the number that memory accounting follows. Raises ValueError where there is none."""
    found = re.match(r"v?0\.(\d+)", version)
    if found is None:
        raise ValueError(f"vLLM version {version!r} is not of the form 0.29.0")
    return int(found.group(1))


def accounting(version: str, *, dense: bool) -> Accounting:
    """How a release of vLLM counts for a dense model or one with experts or recurrent layers."""
    release = minor(version)
    if release <= 16:
        return SORTING
    if release < FIRST_GRAPH_RESERVATION:
        return FIRST_TRITON if release == 17 else TRITON
    if release >= 29:
        return SECOND_RUNNER
    return UNRESERVED if release >= 25 and dense else RESERVING
