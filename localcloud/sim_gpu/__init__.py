"""Real vLLM under Ray's GPU scheduling on a machine that has no GPU.

vLLM finds this package as it finds any plugin: by the entry points of an installed distribution. Ours is
"installed" into a folder of local state, and only processes that have that folder on PYTHONPATH see it. So
vLLM run otherwise in the same `.venv` never meets it, and the Serve configuration stays as it is.
"""

from .installed import ACTIVE, KV_MIB, variables
from .limits import UnsupportedOnSimulatedGpuError, check_engine

__all__ = ["ACTIVE", "KV_MIB", "UnsupportedOnSimulatedGpuError", "check_engine", "variables"]
