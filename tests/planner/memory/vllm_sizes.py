"""Asks vLLM itself how many bytes of weights a rank holds and how many tokens a KV cache.

A program: cases as JSON lines on standard input, answers as JSON lines on standard output.
A case: name, config (fields of a config.json), tensor_parallel, pipeline_parallel, kv_bytes, arguments (the
engine's). An answer: name, weights (bytes by stage), blocks, tokens, max_concurrency; or name, error.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportPrivateUsage=false
# pyright: reportPrivateImportUsage=false
import json
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import simulated_h100
import torch
import vllm
from further_fields import further_fields
from vllm.config import set_current_vllm_config
from vllm.config.vllm import get_layers_from_vllm_config
from vllm.distributed import parallel_state
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.layers import activation, rotary_embedding
from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
from vllm.model_executor.model_loader import utils as model_loader
from vllm.utils.torch_utils import set_default_torch_dtype
from vllm.v1.attention.backends.utils import get_supported_kv_cache_layouts, resolve_kv_cache_layout
from vllm.v1.core.kv_cache_utils import get_kv_cache_capacity, get_kv_cache_configs
from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec

SCALARS = ("_k_scale", "_v_scale", "_q_scale", "_prob_scale")
"""Four numbers of each attention layer that stand on the GPU, if only as far as torch rounds to 512 bytes."""


class Group:
    """One rank's view of a process group that does not exist."""

    def __init__(self, size: int, rank: int = 0) -> None:
        self.world_size, self.rank_in_group, self.rank, self.local_rank = size, rank, rank, 0
        self.is_first_rank, self.is_last_rank = rank == 0, rank == size - 1
        self.ranks = list(range(size))
        self.device = torch.device("meta")
        self.device_group = self.cpu_group = _Members(size, rank)
        self.unique_name = "none"
        self.use_device_communicator = False
        self.device_communicator = self.mq_broadcaster = None


class _Members:
    def __init__(self, size: int, rank: int) -> None:
        self._size, self._rank = size, rank

    def size(self) -> int:
        return self._size

    def rank(self) -> int:
        return self._rank


def join_groups(tensor_parallel: int, pipeline_parallel: int, stage: int) -> None:
    """Rank 0 of a stage."""
    parallel_state._TP = parallel_state._EP = Group(tensor_parallel)
    parallel_state._PP = Group(pipeline_parallel, stage)
    parallel_state._WORLD = Group(tensor_parallel * pipeline_parallel)
    parallel_state._DP = parallel_state._DCP = parallel_state._PCP = parallel_state._EPLB = Group(1)


def build(case: dict[str, Any], stage: int) -> tuple[Any, torch.nn.Module]:
    """The engine's configuration and the model's class on the meta device, as one rank builds it."""
    rotary_embedding._ROPE_DICT.clear()
    join_groups(case["tensor_parallel"], case["pipeline_parallel"], stage)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in further_fields(case["config"]).items():
            (Path(folder) / name).write_text(json.dumps(content))
        config = EngineArgs(
            model=folder,
            skip_tokenizer_init=True,
            tensor_parallel_size=case["tensor_parallel"],
            pipeline_parallel_size=case["pipeline_parallel"],
            load_format="dummy",
            distributed_executor_backend="mp",
            enforce_eager=True,
            **case["arguments"],
        ).create_engine_config()
        config.device_config.device = torch.device("meta")
        simulated_h100.H100.device_type = "meta"
        pretend_deep_gemm()
        try:
            dtype = config.model_config.dtype
            with set_current_vllm_config(config), set_default_torch_dtype(dtype), torch.device("meta"):
                return config, model_loader.initialize_model(vllm_config=config)
        finally:
            simulated_h100.H100.device_type = "cuda"


def pretend_deep_gemm() -> None:
    """The sparse indexer asks for DeepGEMM, which the image on a GPU has."""
    for name, module in list(sys.modules.items()):
        if name.startswith("vllm.") and "has_deep_gemm" in vars(module):
            module.has_deep_gemm = lambda: True


def weights(model: torch.nn.Module) -> int:
    """Bytes of parameters and buffers, those that share memory counted once."""
    seen: dict[int, int] = {}
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    for name, tensor in tensors:
        if not name.endswith(SCALARS):
            seen[tensor.untyped_storage()._cdata] = tensor.numel() * tensor.element_size()
    return sum(seen.values())


def cache_specs(config: Any) -> dict[str, Any]:
    """What each layer of a stage asks of the KV cache."""
    simulated_h100.H100.update_block_size_for_backend(config)
    with set_current_vllm_config(config):
        specs = get_kv_cache_spec(config)
        layers = get_layers_from_vllm_config(config, AttentionLayerBase).values()
        layouts = get_supported_kv_cache_layouts([layer.get_attn_backend() for layer in layers])
        resolve_kv_cache_layout(config, [[layout.name for layout in layouts]], specs.values())
    return specs


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What vLLM says to one case."""
    built = [build(case, stage) for stage in range(case["pipeline_parallel"])]
    specs = [cache_specs(config) for config, _ in built]
    config = built[0][0]
    with set_current_vllm_config(config):
        caches = get_kv_cache_configs(config, specs, [case["kv_bytes"]] * len(specs))
        tokens, concurrency = get_kv_cache_capacity(config, caches[0])
    return {
        "weights": [weights(model) for _, model in built],
        "blocks": caches[0].num_blocks,
        "tokens": tokens,
        "max_concurrency": concurrency,
        "prefix_caching": config.cache_config.enable_prefix_caching,
        "version": vllm.__version__,
    }


def xielu_without_data() -> None:
    """XIELU reads its first parameters while it is built, which the meta device cannot."""
    initialize = activation.XIELU.__init__

    def on_cpu(self: Any, *arguments: Any, **options: Any) -> None:
        with torch.device("cpu"):
            initialize(self, *arguments, **options)

    activation.XIELU.__init__ = on_cpu


def skip_what_no_size_depends_on() -> None:
    """What takes half of the time: notes for loading weights anew, and every package's entry points."""
    model_loader.record_metadata_for_reloading = lambda _: None
    metadata.entry_points = cache(metadata.entry_points)


def main() -> None:
    """Answers every case; what vLLM refuses is an answer too."""
    skip_what_no_size_depends_on()
    xielu_without_data()
    for line in sys.stdin:
        case = json.loads(line)
        try:
            found = answer(case)
        except Exception as error:  # noqa: BLE001  (whatever vLLM raises is what it says)
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps({"name": case["name"]} | found), flush=True)


if __name__ == "__main__":
    main()
