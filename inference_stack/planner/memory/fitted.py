"""The constants that no source states: fitted on public start-up logs. Everything else is counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fitted:
    """Fitted on 43 logs of vLLM 0.19 with H100 by `benchmarks.memory`, which also fits them without each
    family of models and prints the errors that remain."""

    piece_gib: float = 0.047
    """Beside the buffers that are counted in a forward pass."""
    runtime_gib: float = 0.248
    """Outside of torch on one unit: code and stacks of kernels, handles of libraries."""
    communication_gib: float = 1.786
    """What units that NVLink connects hold more, and for each unit and value of the hidden size."""
    communication_gib_per_width: float = 5.4e-6
    node_mib: float = 0.184
    """Nodes of one layer in one CUDA graph, and of one with experts."""
    experts_node_mib: float = 0.294


FITTED = Fitted()
