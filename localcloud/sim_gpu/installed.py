"""The distribution by which vLLM finds the plugin, and the environment of processes that shall find it."""

import os
from pathlib import Path

ACTIVE = "SIM_GPU"
"""Environment variable that is `1` in every process that shall take the CPU for a GPU."""
KV_MIB = "SIM_GPU_KV_MIB"
"""Environment variable: memory of a simulated GPU that holds the KV cache, MiB.

It stands for what a real GPU would have left: no engine gets more, and one with a part of a GPU that part."""

PROJECT = Path(__file__).resolve().parents[2]

_METADATA = """\
Metadata-Version: 2.1
Name: inference-stack-sim-gpu
Version: 1
"""
_ENTRY_POINTS = """\
[vllm.platform_plugins]
sim_gpu = localcloud.sim_gpu.plugin:platform

[vllm.general_plugins]
sim_gpu = localcloud.sim_gpu.plugin:supply_operators
"""


def variables(folder: Path, *, kv_mib: int = 256) -> dict[str, str]:
    """Environment of processes whose vLLM runs on simulated GPUs, Ray's own included.

    Writes the distribution into `folder`, which may be there already. `kv_mib` is the KV cache of one
    simulated GPU, MiB.
    """
    distribution = folder / "inference_stack_sim_gpu-1.dist-info"
    distribution.mkdir(parents=True, exist_ok=True)
    (distribution / "METADATA").write_text(_METADATA)
    (distribution / "entry_points.txt").write_text(_ENTRY_POINTS)
    inherited = os.environ.get("PYTHONPATH")
    path = [str(folder.resolve()), str(PROJECT), *([inherited] if inherited else [])]
    return {
        ACTIVE: "1",
        KV_MIB: str(kv_mib),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        # Each worker would otherwise take every core of a machine that runs several of them.
        "OMP_NUM_THREADS": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
