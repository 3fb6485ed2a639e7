"""Sets of engine arguments, drawn from a seed: right, at the edge, wrong, and in combinations that meet."""

import json
import random
from pathlib import Path
from typing import Any

from inference_stack.engine.arguments import Argument, EngineVersion

from .plausible_values import FLAGS, PLAUSIBLE

PUBLISHED = Path(__file__).parent / "data" / "published_sets.json"
"""Sets of arguments as people publish them, for many versions of vLLM."""


def published() -> list[dict[str, Any]]:
    """Each of them once, without the folders of other people's machines."""
    sets: list[dict[str, Any]] = []
    for each in json.loads(PUBLISHED.read_text()):
        arguments = {name: value for name, value in each["engine_args"].items() if name != "download_dir"}
        if arguments and arguments not in sets:
            sets.append(arguments)
    return sets


MEETING: tuple[tuple[str, ...], ...] = (
    (
        *("max_model_len", "max_num_batched_tokens", "max_num_seqs", "enable_chunked_prefill"),
        *("long_prefill_token_threshold", "disable_sliding_window", "performance_mode", "hf_overrides"),
        *("max_num_scheduled_tokens", "enable_prefix_caching", "speculative_config", "runner"),
    ),
    (
        *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "data_parallel_rank"),
        *(
            "data_parallel_size_local",
            "data_parallel_start_rank",
            "data_parallel_backend",
            "nnodes",
            "node_rank",
        ),
        *("data_parallel_hybrid_lb", "data_parallel_external_lb", "distributed_executor_backend"),
        *("decode_context_parallel_size", "prefill_context_parallel_size", "cp_kv_cache_interleave_size"),
        *("block_size", "enable_expert_parallel", "enable_batch_sharded_sampling", "max_num_seqs"),
        *("enable_dbo", "ubatch_size", "all2all_backend", "max_logprobs", "ray_workers_use_nsight"),
        *("enable_return_routed_experts", "mm_tensor_ipc", "async_scheduling", "numa_bind", "numa_bind_cpus"),
        *("numa_bind_nodes", "device_ids", "enable_fault_tolerance", "enable_eplb", "eplb_config"),
        *("enable_elastic_ep", "kv_transfer_config"),
    ),
    (
        "quantization",
        "quantization_config",
        "dtype",
        "allow_deprecated_quantization",
        "kv_cache_dtype",
        "load_format",
    ),
    (
        *("enable_lora", "max_loras", "max_cpu_loras", "max_lora_rank", "lora_dtype", "fully_sharded_loras"),
        *("default_mm_loras", "speculative_config", "max_num_batched_tokens", "max_num_seqs"),
    ),
    (
        *("speculative_config", "spec_method", "spec_tokens", "spec_model", "async_scheduling"),
        *("kv_sharing_fast_prefill", "per_request_spec_decode_metrics", "max_num_batched_tokens"),
        *(
            "return_sampling_mask",
            "logprobs_mode",
            "enable_trace_replay",
            "diffusion_config",
            "pipeline_parallel_size",
        ),
        *("tensor_parallel_size", "use_replayssm", "logits_processors", "max_model_len"),
    ),
    (
        *("kv_transfer_config", "kv_offloading_size", "kv_offloading_backend", "kv_events_config"),
        *("enable_return_routed_experts", "disable_hybrid_kv_cache_manager", "enable_prefix_caching"),
        *("ec_transfer_config", "ec_manager_config", "prefill_context_parallel_size", "tensor_parallel_size"),
        *("decode_context_parallel_size", "use_replayssm"),
    ),
    (
        *("limit_mm_per_prompt", "language_model_only", "mm_processor_cache_gb", "mm_processor_cache_type"),
        *(
            "mm_shm_cache_max_object_size_mb",
            "mm_encoder_tp_mode",
            "mm_encoder_attn_backend",
            "mm_encoder_only",
        ),
        *("mm_encoder_attn_dtype", "mm_encoder_fp8_scale_path", "mm_encoder_fp8_scale_save_path"),
        *("mm_tensor_ipc", "mm_processor_kwargs", "mm_processor_device", "video_pruning_rate"),
        *("video_pruning_method", "renderer_num_workers", "ec_transfer_config", "compilation_config"),
        *("enable_prompt_embeds", "runner", "tensor_parallel_size", "default_mm_loras"),
    ),
    (
        *("mamba_config", "mamba_backend", "mamba_ssu_algorithm", "enable_mamba_cache_stochastic_rounding"),
        *("mamba_cache_mode", "mamba_block_size", "mamba_ssm_cache_dtype", "use_replayssm", "max_model_len"),
        *("enable_prefix_caching", "enable_chunked_prefill", "disable_chunked_mm_input", "block_size"),
    ),
    (
        *("compilation_config", "cudagraph_capture_sizes", "max_cudagraph_capture_size", "enforce_eager"),
        *("optimization_level", "attention_config", "attention_backend", "kernel_config", "ir_op_priority"),
        *("enable_flashinfer_autotune", "moe_backend", "profiler_config", "enable_dbo", "ubatch_size"),
        *("all2all_backend", "max_num_batched_tokens", "return_sampling_mask", "logprobs_mode"),
    ),
    (
        "runner",
        "convert",
        "pooler_config",
        "async_scheduling",
        "enable_chunked_prefill",
        "dtype",
        "model_impl",
    ),
    (
        "offload_backend",
        "cpu_offload_gb",
        "offload_group_size",
        "offload_num_in_group",
        "offload_prefetch_step",
    ),
    (
        "otlp_traces_endpoint",
        "collect_detailed_traces",
        "per_request_spec_decode_metrics",
        "speculative_config",
    ),
)
"""Arguments that vLLM looks at together."""

WRONG: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 3, -1, 8.0, 8.5, 0.5, "8", "0.5", "true", "abc", "", "None"),
    *([], [1], ["a"], {}, {"a": 1}),
)
"""Values of every type, for any argument."""


class Sets:
    """A source of sets; the same seed gives the same ones."""

    def __init__(self, version: EngineVersion, checkpoints: tuple[str, ...], seed: int) -> None:
        """Begin at a seed, for engines that serve one of these checkpoints."""
        self.engine = {name: one for name, one in version.engine.items() if name != "model"}
        self.checkpoints = checkpoints
        self.random = random.Random(seed)  # noqa: S311 - to be drawn again
        self.published: list[dict[str, Any]] = published()

    def draw(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """So many pairs of a checkpoint's name and arguments."""
        return [(self.random.choice(self.checkpoints), self.one()) for _ in range(count)]

    def one(self) -> dict[str, Any]:
        """One set."""
        way = self.random.random()
        if way < 0.2:
            name = self.random.choice(tuple(self.engine))
            return {name: self.random.choice(WRONG) if self.random.random() < 0.5 else self.value(name)}
        if way < 0.3:
            return self.changed(dict(self.random.choice(self.published)))
        names = self.random.choice(MEETING)
        if way < 0.5:
            names = tuple(self.engine)
        picked = self.random.sample(names, min(len(names), self.random.randint(1, 6)))
        return {name: self.value(name) for name in picked}

    def changed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What somebody published, with one argument more or another value."""
        known = {name: value for name, value in arguments.items() if name in self.engine}
        name = self.random.choice([*self.engine, *known] if known else list(self.engine))
        return known | {name: self.value(name)}

    def value(self, name: str) -> Any:
        """A value for an argument: mostly one that may stand there."""
        if self.random.random() < 0.04:
            return self.random.choice(WRONG)
        return self.random.choice(PLAUSIBLE.get(name) or self.declared(self.engine[name]))

    def declared(self, argument: Argument) -> list[Any]:
        """What the declaration of an argument suggests: its values, its bounds and what lies beyond them."""
        found: list[Any] = [argument.default, *argument.values, *argument.known]
        for bound in (argument.minimum, argument.maximum, argument.above, argument.below):
            found += [] if bound is None else [int(bound) - 1, int(bound), int(bound) + 1]
        if "boolean" in argument.kinds:
            found += FLAGS
        if "integer" in argument.kinds or "number" in argument.kinds:
            found += [1, 2, 8]
        if argument.kinds and set(argument.kinds) <= {"string", "null"} and not argument.values:
            found += ["abc"]
        return found
