"""Sets of engine arguments, drawn from a seed: right, at the edge, wrong, and in combinations that meet."""

import json
import random
from pathlib import Path
from typing import Any

from inference_stack.engine.arguments import Argument, EngineVersion

PUBLISHED = Path(__file__).parent / "data" / "published_engine_args.json"
"""Sets of arguments as people publish them, for many versions of vLLM."""

LENGTHS = [None, -1, 1, 64, 512, 1000, 1024, 1025, 2048, 4096, 4097, 8192, 16384, 16385, 32768, 131072]
COUNTS = [None, 1, 2, 3, 4, 7, 8, 16]
FLAGS = [True, False]
QUANTIZATIONS = [
    "awq",
    "auto_awq",
    "fp8",
    "fbgemm_fp8",
    "modelopt",
    "gptq",
    "gptq_marlin",
    "awq_marlin",
    "compressed-tensors",
    "experts_int8",
    "moe_wna16",
    "mxfp4",
    "gpt_oss_mxfp4",
    "online",
    "fp8_per_tensor",
    "mxfp8",
    "humming",
    "quark",
    "inc",
    "torchao",
    "bitsandbytes",
]
SPECULATIONS: list[Any] = [
    None,
    {"method": "ngram", "num_speculative_tokens": 3},
    {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4, "prompt_lookup_min": 5},
    {"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_max": 4},
    {"method": "ngram_gpu", "num_speculative_tokens": 2},
    {"method": "ngram"},
    {"method": "ngram", "num_speculative_tokens": 0},
    {"method": "mtp", "num_speculative_tokens": 1},
    {"method": "mtp", "num_speculative_tokens": 2},
    {"method": "deepseek_mtp", "num_speculative_tokens": 1},
    {"method": "suffix", "num_speculative_tokens": 4},
    {"method": "eagle", "num_speculative_tokens": 2},
    {"method": "draft_model", "num_speculative_tokens": 2},
    {"num_speculative_tokens": 4},
    {"model": "[ngram]", "num_speculative_tokens": 4},
    {"method": "nonsense", "num_speculative_tokens": 4},
    {"method": "ngram", "num_speculative_tokens": 4, "tensor_parallel_size": 2},
    {"method": "ngram", "num_speculative_tokens": 4, "use_heterogeneous_vocab": True},
    {"method": "ngram", "num_speculative_tokens": 4, "unheard_of": 1},
    {"method": "ngram", "num_speculative_tokens": 4, "synthetic_acceptance_length": 2.0},
    {"method": "ngram", "num_speculative_tokens": 4, "enable_adaptive_verification": True},
    {"method": "ngram", "num_speculative_tokens": 4, "disable_padded_drafter_batch": True},
]
TRANSFERS: list[Any] = [
    None,
    {"kv_connector": "NixlConnector", "kv_role": "kv_both"},
    {"kv_connector": "NixlConnector", "kv_role": "kv_producer", "kv_buffer_device": "cpu"},
    {"kv_connector": "NixlConnector"},
    {"kv_connector": "NixlConnector", "kv_role": "both"},
    {"kv_role": "kv_both"},
    {"kv_connector": "LMCacheConnectorV1", "kv_role": "kv_both"},
    {"kv_connector": "OffloadingConnector", "kv_role": "kv_both"},
    {"kv_connector": "NoSuchConnector", "kv_role": "kv_both"},
    {"kv_connector": "NixlConnector", "kv_role": "kv_both", "unheard_of": 1},
    {"kv_connector": "NixlConnector", "kv_role": "kv_both", "kv_load_failure_policy": "retry"},
    {
        "kv_connector": "MultiConnector",
        "kv_role": "kv_both",
        "kv_connector_extra_config": {
            "connectors": [{"kv_connector": "NixlConnector", "kv_role": "kv_both"}]
        },
    },
]
PLAUSIBLE: dict[str, list[Any]] = {
    "max_model_len": LENGTHS,
    "max_num_batched_tokens": LENGTHS[2:],
    "max_num_seqs": [1, 2, 16, 64, 128, 256, 512, 1024, 2049, 4096, 16384],
    "max_num_scheduled_tokens": [None, 0, 1, 512, 2048],
    "long_prefill_token_threshold": [0, 1, 512, 4096, 4097, 20000],
    "enable_chunked_prefill": [None, *FLAGS],
    "enable_prefix_caching": [None, *FLAGS],
    "block_size": [None, 1, 7, 8, 16, 32, 64, 128, 256],
    "gpu_memory_utilization": [0.0, 0.01, 0.5, 0.9, 0.92, 0.98, 1.0, 1.01, 2],
    "kv_cache_dtype": [
        "auto",
        "float16",
        "bfloat16",
        "fp8",
        "fp8_e4m3",
        "fp8_e5m2",
        "fp8_inc",
        "nvfp4",
        "fp16",
        "int8",
    ],
    "tensor_parallel_size": [1, 2, 3, 4, 5, 7, 8, 16],
    "pipeline_parallel_size": [1, 2, 3, 4],
    "data_parallel_size": [1, 2, 4],
    "data_parallel_size_local": [None, 0, 1, 2, 4],
    "data_parallel_rank": [None, 0, 1, 3, 5],
    "data_parallel_start_rank": [None, 0, 1],
    "data_parallel_backend": ["mp", "ray"],
    "data_parallel_hybrid_lb": FLAGS,
    "data_parallel_external_lb": FLAGS,
    "decode_context_parallel_size": [1, 2, 3, 4],
    "prefill_context_parallel_size": [1, 2],
    "cp_kv_cache_interleave_size": [1, 2, 16, 48],
    "distributed_executor_backend": [None, "mp", "uni", "ray", "external_launcher"],
    "nnodes": [1, 2, 3],
    "node_rank": [0, 1, 2],
    "enable_expert_parallel": FLAGS,
    "enable_eplb": FLAGS,
    "eplb_config": [{}, {"num_redundant_experts": 2}, {"communicator": "pynccl"}, {"window_size": 0}],
    "enable_elastic_ep": FLAGS,
    "enable_dbo": FLAGS,
    "ubatch_size": [0, 1, 2],
    "all2all_backend": ["naive", "pplx", "deepep_low_latency", "allgather_reducescatter", "nixl_ep"],
    "enable_batch_sharded_sampling": [None, *FLAGS],
    "max_logprobs": [-1, 0, 20],
    "ray_workers_use_nsight": FLAGS,
    "numa_bind": FLAGS,
    "numa_bind_nodes": [None, [], [0, 1], [-1]],
    "numa_bind_cpus": [None, [], ["0-3"], ["3-0"], ["a"]],
    "device_ids": [None, [], [0], [0, 0], [0, "a"], ["0"]],
    "enable_fault_tolerance": FLAGS,
    "quantization": [None, *QUANTIZATIONS],
    "quantization_config": [None, {}, {"linear": "fp8_per_tensor"}, {"ignore": ["lm_head"]}, {"linear": "x"}],
    "allow_deprecated_quantization": FLAGS,
    "dtype": ["auto", "half", "float16", "bfloat16", "float", "float32", "int8"],
    "runner": ["auto", "generate", "pooling", "draft"],
    "convert": ["auto", "none", "embed", "classify", "reward"],
    "enable_lora": FLAGS,
    "max_loras": [0, 1, 2, 8],
    "max_cpu_loras": [None, 0, 1, 4, 8],
    "max_lora_rank": [1, 8, 12, 16, 64, 256, 512, 1024],
    "lora_dtype": ["auto", "float16", "bfloat16", "float32", "int8"],
    "fully_sharded_loras": FLAGS,
    "default_mm_loras": [None, {"image": "adapter"}],
    "speculative_config": SPECULATIONS,
    "spec_method": [None, "ngram", "mtp", "suffix"],
    "spec_tokens": [None, 0, 3],
    "spec_model": [None, "ngram"],
    "kv_transfer_config": TRANSFERS,
    "kv_events_config": [None, {}, {"enable_kv_cache_events": True}, {"publisher": "nats"}],
    "kv_offloading_size": [None, 0, 4.0],
    "kv_offloading_backend": ["native", "lmcache"],
    "ec_transfer_config": [
        None,
        {"ec_connector": "ECExampleConnector", "ec_role": "ec_producer"},
        {"ec_connector": "ECExampleConnector", "ec_role": "ec_both"},
        {"ec_connector": "ECExampleConnector"},
    ],
    "ec_manager_config": [{}, {"manager_config": {"a": 1}}],
    "async_scheduling": [None, *FLAGS],
    "disable_sliding_window": FLAGS,
    "disable_hybrid_kv_cache_manager": [None, *FLAGS],
    "disable_chunked_mm_input": FLAGS,
    "enforce_eager": FLAGS,
    "cudagraph_capture_sizes": [None, [], [1, 2, 4], [8, 16], [1, 2, 100000]],
    "max_cudagraph_capture_size": [None, 0, 4, 16, 100],
    "compilation_config": [
        {},
        {"mode": 0},
        {"mode": 3},
        {"mode": "NONE"},
        {"mode": 7},
        {"cudagraph_mode": "PIECEWISE"},
        {"cudagraph_mode": "FULL"},
        {"cudagraph_mode": "nope"},
        {"custom_ops": ["all", "none"]},
        {"custom_ops": ["+rms_norm", "-rms_norm"]},
        {"custom_ops": ["rms_norm"]},
        {"cudagraph_capture_sizes": [1, 2]},
        {"max_cudagraph_capture_size": 8},
        {"level": 3},
        {"backend": "inductor"},
        {"backend": "other", "mode": 3},
        {"compile_cache_save_format": "zip"},
        {"pass_config": {"enable_sp": True}},
        {"pass_config": {"unheard_of": True}},
        {"cudagraph_mm_encoder": True},
        {"use_inductor": False},
    ],
    "attention_config": [
        {},
        {"backend": "FLASH_ATTN"},
        {"backend": "nope"},
        {"flash_attn_version": 3},
        {"flash_attn_version": 9},
        {"use_fp4_indexer_cache": True, "indexer_kv_dtype": "fp8"},
        {"backend_per_kind": {"full_attention": "FLASH_ATTN"}},
        {"backend_per_kind": {"strange": "FLASH_ATTN"}},
        {"mla_prefill_backend": "nope"},
    ],
    "attention_backend": [
        None,
        "auto",
        "FLASH_ATTN",
        "flashinfer",
        "TRITON_ATTN",
        "FLEX_ATTENTION",
        "XFORMERS",
    ],
    "kernel_config": [
        {},
        {"moe_backend": "triton"},
        {"moe_backend": "nope"},
        {"enable_flashinfer_autotune": True},
        {"ir_op_priority": {"rms_norm": "native"}},
        {"linear_backend": "Flashinfer-Cutlass"},
    ],
    "ir_op_priority": [{}, {"rms_norm": ["native"]}, {"rms_norm": "a,b"}, {"other": ["a"]}],
    "enable_flashinfer_autotune": FLAGS,
    "moe_backend": ["auto", "triton", "marlin", "flashinfer_moe_ep_mega_cutedsl", "cutlass"],
    "mamba_config": [{}, {"backend": "flashinfer"}, {"backend": "nope"}, {"ssu_algorithm": "simple"}],
    "mamba_backend": ["triton", "flashinfer", "TRITON", "nope"],
    "mamba_ssu_algorithm": [None, "simple", "vertical", "nope"],
    "enable_mamba_cache_stochastic_rounding": FLAGS,
    "mamba_cache_mode": ["none", "all", "align"],
    "mamba_block_size": [None, 8, 64, 4096],
    "mamba_cache_dtype": ["auto", "float32", "bfloat16"],
    "mamba_ssm_cache_dtype": ["auto", "float32", "float16"],
    "use_replayssm": FLAGS,
    "kv_sharing_fast_prefill": FLAGS,
    "performance_mode": ["balanced", "throughput", "interactivity"],
    "optimization_level": [0, 1, 2, 3, 4],
    "load_format": ["auto", "safetensors", "dummy", "runai_streamer", "tensorizer", "nonsense"],
    "tokenizer_mode": ["auto", "slow", "mistral", "other"],
    "config_format": ["auto", "hf", "mistral", "other"],
    "model_impl": ["auto", "vllm", "transformers", "other"],
    "trust_remote_code": FLAGS,
    "limit_mm_per_prompt": [
        {},
        {"image": 2},
        {"image": 0},
        {"image": -1},
        {"image": "two"},
        {"image": {"count": 1, "width": 512}},
        {"image": {"count": 1, "length": 5}},
        {"video": {"num_frames": 0}},
    ],
    "language_model_only": FLAGS,
    "mm_processor_cache_gb": [0, 4, -1],
    "mm_processor_cache_type": [None, "lru", "shm", "disk"],
    "mm_shm_cache_max_object_size_mb": [128, 64, -1],
    "mm_encoder_tp_mode": ["weights", "data", "other"],
    "mm_encoder_attn_backend": [None, "FLASH_ATTN", "XFORMERS", "nope"],
    "mm_encoder_attn_dtype": [None, "fp8", "fp16"],
    "mm_encoder_fp8_scale_path": [None, "/nowhere/scales.json"],
    "mm_encoder_fp8_scale_save_path": [None, "/nowhere/scales.json"],
    "mm_encoder_only": FLAGS,
    "mm_tensor_ipc": ["direct_rpc", "torch_shm"],
    "mm_processor_kwargs": [None, {}, {"device": "cpu"}, {"device": "nope"}],
    "mm_processor_device": ["auto", "cpu", "cuda"],
    "video_pruning_rate": [None, 0.0, 0.5, 1.0],
    "video_pruning_method": ["evs", "vidcom2", "other"],
    "renderer_num_workers": [1, 2],
    "enable_prompt_embeds": FLAGS,
    "enable_return_routed_experts": FLAGS,
    "return_sampling_mask": FLAGS,
    "logprobs_mode": ["raw_logprobs", "processed_logprobs"],
    "enable_trace_replay": FLAGS,
    "structured_outputs_config": [
        {},
        {"backend": "xgrammar", "disable_any_whitespace": True},
        {"backend": "outlines", "disable_any_whitespace": True},
        {"disable_additional_properties": True},
        {"backend": "guidance", "disable_additional_properties": True},
        {"backend": "lm-enforcer"},
    ],
    "reasoning_parser": ["", "deepseek_r1", "nope"],
    "otlp_traces_endpoint": [None, "http://localhost:4317"],
    "collect_detailed_traces": [None, [], ["model"], ["all"], ["model,worker"], ["other"]],
    "show_hidden_metrics_for_version": [None, "0.28", "next"],
    "per_request_spec_decode_metrics": ["none", "summary", "detailed"],
    "profiler_config": [
        {},
        {"profiler": "torch"},
        {"profiler": "torch", "torch_profiler_dir": "traces"},
        {"profiler": "proton", "proton_profiler_dir": "traces"},
        {"profiler": "cuda"},
        {"profiler": "other"},
        {"torch_profiler_dir": "traces"},
        {"profiler": "torch", "torch_profiler_dir": "traces", "delay_iterations": -1},
    ],
    "pooler_config": [
        None,
        {},
        {"pooling_type": "MEAN"},
        {"pooling_type": "LAST", "seq_pooling_type": "CLS"},
        {"pooling_type": "nope"},
        {"normalize": True},
        {"logit_sigma": 0},
        {"task": "embed"},
        {"task": "score"},
    ],
    "offload_backend": ["auto", "uva", "prefetch", "disk"],
    "cpu_offload_gb": [0, 4, -1],
    "offload_group_size": [0, 2, 4],
    "offload_num_in_group": [0, 1, 3],
    "offload_prefetch_step": [0, 1],
    "enable_sleep_mode": [False],
    "hf_overrides": [{}, {"max_position_embeddings": 8192}, {"num_experts": 4}],
    "diffusion_config": [None, {"canvas_length": 32}, {"canvas_length": 0}],
    "weight_transfer_config": [None, {}, {"backend": "ipc"}, {"backend": "own"}, {"other": 1}],
    "fault_tolerance_config": [{}, {"engine_recovery_timeout_sec": 10}],
    "logits_processors": [None, [], ["a.b.C"]],
    "watermark": [0, 0.5, 1.0],
    "stream_interval": [0, 1, 10],
    "scheduling_policy": ["fcfs", "priority", "fair"],
    "seed": [0, 1, -5, None],
    "served_model_name": [None, "a", ["a", "b"], []],
    "generation_config": ["auto", "vllm"],
    "override_generation_config": [{}, {"temperature": 0.1}],
    "prefix_cache_retention_interval": [None, 0, 16, -1],
    "prefix_match_unit": [None, 0, 16],
    "kv_cache_memory_bytes": [None, 0, 1 << 30],
    "num_gpu_blocks_override": [None, 0, 128],
    "max_parallel_loading_workers": [None, 0, 2],
    "safetensors_load_strategy": [None, "lazy", "prefetch", "mmap"],
    "additional_config": [{}, {"a": 1}],
    "reasoning_config": [None],
    "tokenizer": [None],
}
"""Values that somebody may give an argument, right ones and near misses."""

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
        self.published: list[dict[str, Any]] = json.loads(PUBLISHED.read_text())

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
