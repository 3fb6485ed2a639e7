"""Cases of rules/cuda.py and advice.py: what hangs on the card, and what runs but hurts."""

from .engine_case import A100, H100, T4, Case

CASES = (
    Case("block-size-on-gpu", {"block_size": 7}, {"block_size": 32}, gpu=H100),
    Case(
        "attention-backend-on-gpu", {"attention_backend": "CPU_ATTN"}, {"attention_backend": "auto"}, gpu=H100
    ),
    Case(
        "attention-backend-on-gpu",
        {"attention_backend": "FLASHINFER"},
        {"attention_backend": "FLASHMLA"},
        model="deepseek-v3",
        gpu=H100,
    ),
    Case(
        "attention-backend-on-gpu",
        {"attention_backend": "FLASHMLA"},
        {"attention_backend": "FLASHINFER"},
        gpu=H100,
    ),
    Case("kv-type-on-gpu", {"kv_cache_dtype": "fp8_inc"}, {"kv_cache_dtype": "fp8"}, gpu=H100),
    Case("kv-type-on-gpu", {"kv_cache_dtype": "nvfp4"}, {"kv_cache_dtype": "auto"}, gpu=H100),
    Case(
        "kv-type-on-gpu",
        {"kv_cache_dtype": "fp8", "attention_backend": "FLASH_ATTN"},
        {"kv_cache_dtype": "fp8", "attention_backend": "FLASH_ATTN"},
        gpu=A100,
        keeps_gpu=H100,
    ),
    Case(
        "kv-type-on-gpu",
        {"kv_cache_dtype": "fp8", "attention_backend": "FLEX_ATTENTION"},
        {"attention_backend": "FLEX_ATTENTION"},
        gpu=H100,
    ),
    Case(
        "quantization-on-gpu",
        {"quantization": "modelopt"},
        {"quantization": "modelopt"},
        gpu=T4,
        keeps_gpu=A100,
    ),
    Case("dtype-on-gpu", {"dtype": "bfloat16"}, {"dtype": "bfloat16"}, gpu=T4, keeps_gpu=A100),
    Case(
        "stochastic-rounding-on-gpu",
        {"mamba_config": {"enable_stochastic_rounding": True}},
        {"mamba_config": {"enable_stochastic_rounding": True, "backend": "flashinfer"}},
        "mamba_config.enable_stochastic_rounding",
        gpu=H100,
    ),
    Case(
        "precision-with-attention",
        {"dtype": "float32", "attention_backend": "FLASHINFER"},
        {"dtype": "float32", "attention_backend": "TRITON_ATTN"},
        gpu=H100,
    ),
    Case("eager-on-gpu", {"enforce_eager": True}, {"enforce_eager": False}, gpu=H100),
    Case("memory-share", {"gpu_memory_utilization": 0.99}, {"gpu_memory_utilization": 0.97}),
    Case(
        "memory-share",
        {"gpu_memory_utilization": 0.2},
        {"gpu_memory_utilization": 0.2, "kv_cache_memory_bytes": 1 << 30},
    ),
    Case("prefixes-not-cached", {"enable_prefix_caching": False}, {}),
    Case("prefill-not-chunked", {"enable_chunked_prefill": False}, {}),
    Case(
        "batch-beyond-requests",
        {"max_num_batched_tokens": 8193, "max_num_seqs": 2},
        {"max_num_batched_tokens": 8192, "max_num_seqs": 2},
    ),
    Case(
        "ranks-beyond-kv-heads",
        {"tensor_parallel_size": 4},
        {"tensor_parallel_size": 4, "decode_context_parallel_size": 2},
    ),
)
