"""One replica: a model, how its weights are stored, what it runs on, and how the engine is set."""

from dataclasses import dataclass

from inference_stack.catalog.architecture import Architecture, Layout


@dataclass(frozen=True, slots=True)
class Silicon:
    """What one unit is to a process: a whole GPU, a MIG slice or a fraction of a GPU."""

    gpu: str
    """GPU model of the catalog, for example H100-NVL-94GB."""
    generation: str
    """Ampere, Hopper or Blackwell."""
    memory_gib: float
    """Total memory that torch sees, GiB."""
    bandwidth_tb_s: float
    """Memory bandwidth of the unit, TB/s; a slice has its eighths of the GPU's."""
    bf16_tflops: float
    """Dense peak rate of the unit, TFLOP/s."""
    fp8_tflops: float | None
    """None where the GPU has no fp8."""
    fp4_tflops: float | None
    link_gb_s: float | None
    """Between two units of one node, GB/s in both directions together; None where there is only PCIe."""
    profile: str | None = None
    """NVIDIA's name of the slice (2g.24gb); None for a whole GPU."""
    share: float = 1.0
    """Part of the streaming multiprocessors of the GPU."""
    multiprocessors: int = 132
    """Streaming multiprocessors of the unit."""


@dataclass(frozen=True, slots=True)
class Engine:
    """vLLM's settings that memory and speed depend on, with the defaults that vLLM picks filled in."""

    max_model_len: int
    max_num_batched_tokens: int
    max_num_seqs: int
    gpu_memory_utilization: float = 0.92
    dtype: str = "bfloat16"
    kv_cache_dtype: str = "auto"
    block_size: int = 16
    enforce_eager: bool = False
    enable_prefix_caching: bool = True
    enable_expert_parallel: bool = False
    max_loras: int = 0
    """LoRA adapters held at once; 0 without adapters."""
    max_lora_rank: int = 0
    speculative_tokens: int = 0
    """Tokens proposed and verified in one step; 0 without speculation."""
    version: str = "0.29.0"


@dataclass(frozen=True, slots=True)
class Replica:
    """One engine instance over `tensor_parallel` × `pipeline_parallel` units."""

    model: Architecture
    layout: Layout
    silicon: Silicon
    engine: Engine
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    draft: "Replica | None" = None
    """The model that proposes tokens for this one to verify; its engine and silicon are this one's."""

    @property
    def units(self) -> int:
        """GPUs or slices that the replica spans."""
        return self.tensor_parallel * self.pipeline_parallel
