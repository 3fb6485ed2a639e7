"""Cases of rules/types.py."""

from .engine_case import Case

CASES = (
    Case("wrong-type", {"max_model_len": "4k"}, {"max_model_len": "4096"}),
    Case("wrong-type", {"max_num_seqs": "8"}, {"max_num_seqs": 8.0}),
    Case("wrong-type", {"max_cudagraph_capture_size": 8.0}, {"max_cudagraph_capture_size": 8}),
    Case("wrong-type", {"enforce_eager": 2}, {"enforce_eager": "yes"}),
    Case("wrong-type", {"enforce_eager": None}, {"enable_prefix_caching": None}),
    Case("wrong-type", {"tensor_parallel_size": [1]}, {"tensor_parallel_size": True}),
    Case(
        "wrong-type",
        {"allowed_media_domains": [1]},
        {"allowed_media_domains": ["a.b"]},
        "allowed_media_domains[0]",
    ),
    Case(
        "wrong-type",
        {"pt_load_map_location": {"a": 1}},
        {"pt_load_map_location": {"a": "b"}},
        "pt_load_map_location.a",
    ),
    Case("wrong-type", {"max_loras": "two", "enable_lora": True}, {"max_loras": "two"}),
    Case(
        "wrong-type",
        {"eplb_config": {"window_size": "x"}},
        {"eplb_config": {"window_size": "10"}},
        "eplb_config.window_size",
    ),
    Case("value-not-allowed", {"kv_cache_dtype": "int8"}, {"kv_cache_dtype": "fp8"}),
    Case(
        "value-not-allowed",
        {"lora_dtype": "float32", "enable_lora": True},
        {"lora_dtype": "float16", "enable_lora": True},
    ),
    Case("value-not-allowed", {"optimization_level": 4}, {"optimization_level": 3}),
    Case("value-not-allowed", {"attention_backend": "XFORMERS"}, {"attention_backend": "flash_attn"}),
    Case(
        "value-not-allowed",
        {"max_lora_rank": 12, "enable_lora": True},
        {"max_lora_rank": 16, "enable_lora": True},
    ),
    Case(
        "value-not-allowed",
        {"collect_detailed_traces": ["nothing"]},
        {"collect_detailed_traces": ["model"]},
        "collect_detailed_traces[0]",
    ),
    Case(
        "value-not-allowed",
        {"compilation_config": {"mode": "SOME"}},
        {"compilation_config": {"mode": "none"}},
        "compilation_config.mode",
    ),
    Case("out-of-range", {"gpu_memory_utilization": 1.01}, {"gpu_memory_utilization": 1}),
    Case("out-of-range", {"gpu_memory_utilization": 0}, {"gpu_memory_utilization": "0.01"}),
    Case("out-of-range", {"watermark": 1.0}, {"watermark": 0}),
    Case(
        "out-of-range",
        {"eplb_config": {"window_size": 0}},
        {"eplb_config": {"window_size": 1}},
        "eplb_config.window_size",
    ),
    Case(
        "argument-field",
        {"compilation_config": {"use_inductor": False}},
        {"compilation_config": {"backend": "inductor"}},
        "compilation_config.use_inductor",
    ),
)
