"""Cases of rules/pooling.py, quantization.py, lora.py and multimodal.py: what hangs on the model."""

from .engine_case import Case

FP8 = {"quantization": "fp8"}
CASES = (
    Case("runner-not-supported", {"runner": "generate"}, {"runner": "pooling"}, model="bert"),
    Case(
        "runner-not-supported",
        {"convert": "none", "runner": "pooling"},
        {"convert": "embed", "runner": "pooling"},
    ),
    Case(
        "pooler-settings",
        {"pooler_config": {"pooling_type": "LAST", "seq_pooling_type": "CLS"}},
        {"pooler_config": {"pooling_type": "LAST"}},
        "pooler_config.seq_pooling_type",
    ),
    Case(
        "pooler-settings",
        {"pooler_config": {"task": "score"}},
        {"pooler_config": {"task": "classify"}},
        "pooler_config.task",
    ),
    Case(
        "pooler-settings",
        {"pooler_config": {"logit_sigma": 0}},
        {"pooler_config": {"logit_sigma": 1}},
        "pooler_config.logit_sigma",
    ),
    Case("quantization-unknown", {"quantization": "bitsandbytes"}, FP8),
    Case(
        "quantization-unknown",
        {"quantization": "fbgemm_fp8"},
        {"quantization": "fbgemm_fp8", "allow_deprecated_quantization": True},
    ),
    Case("quantization-not-of-checkpoint", {"quantization": "awq"}, FP8),
    Case("quantization-not-of-checkpoint", FP8, {"quantization": "AWQ_Marlin"}, model="llama-awq"),
    Case(
        "quantization-settings",
        {"quantization_config": {}, **FP8},
        {"quantization_config": {}, "quantization": "mxfp8"},
    ),
    Case(
        "quantization-settings",
        {"quantization": "online"},
        {"quantization": "online", "quantization_config": {"linear": "mxfp8"}},
    ),
    Case(
        "quantization-settings",
        {"quantization_config": {"linear": "nvfp4_per_token"}},
        {"quantization_config": {"moe": "nvfp4_per_token"}},
        "quantization_config.linear",
    ),
    Case("dtype-not-of-model", {"dtype": "half"}, {"dtype": "float32"}, model="gemma2"),
    Case("dtype-not-of-model", {"dtype": "float32", **FP8}, {"dtype": "half", **FP8}),
    Case("dtype-not-of-model", {"dtype": "half"}, {"dtype": "bfloat16"}, model="gpt-oss"),
    Case(
        "adapters-in-memory",
        {"max_cpu_loras": 1, "max_loras": 2, "enable_lora": True},
        {"max_cpu_loras": 2, "max_loras": 2, "enable_lora": True},
    ),
    Case("adapters-not-supported", {"enable_lora": True}, {"enable_lora": False}, model="gpt2"),
    Case("modality-adapters", {"default_mm_loras": {"image": "a"}}, {"default_mm_loras": {}}),
    Case(
        "adapters-with-drafts",
        {
            "max_num_batched_tokens": 255,
            "max_num_seqs": 64,
            "enable_lora": True,
            "spec_method": "ngram",
            "spec_tokens": 3,
        },
        {
            "max_num_batched_tokens": 256,
            "max_num_seqs": 64,
            "enable_lora": True,
            "spec_method": "ngram",
            "spec_tokens": 3,
        },
    ),
    Case(
        "modality-limits",
        {"limit_mm_per_prompt": {"image": -1}},
        {"limit_mm_per_prompt": {"image": 0}},
        "limit_mm_per_prompt.image",
    ),
    Case(
        "modality-limits",
        {"limit_mm_per_prompt": {"image": {"length": 1}}},
        {"limit_mm_per_prompt": {"audio": {"length": 1}}},
        "limit_mm_per_prompt.image.length",
    ),
    Case(
        "multimodal-settings",
        {"mm_shm_cache_max_object_size_mb": 64},
        {"mm_shm_cache_max_object_size_mb": 64, "mm_processor_cache_type": "shm"},
        model="gemma3-vision",
    ),
    Case(
        "multimodal-settings",
        {"mm_encoder_fp8_scale_path": "a.json"},
        {"mm_encoder_fp8_scale_path": "a.json", "mm_encoder_attn_dtype": "fp8"},
        model="gemma3-vision",
    ),
    Case(
        "multimodal-settings",
        {"mm_encoder_attn_backend": "xformers"},
        {"mm_encoder_attn_backend": "flash_attn"},
        model="gemma3-vision",
    ),
    Case(
        "multimodal-settings",
        {"video_pruning_method": "vidcom2", "video_pruning_rate": 0.5},
        {"video_pruning_method": "evs", "video_pruning_rate": 0.5},
        model="qwen2.5-vl",
    ),
    Case(
        "encoder-graphs-without-encoder",
        {"language_model_only": True, "compilation_config": {"cudagraph_mm_encoder": True}},
        {"language_model_only": True},
        model="gemma3-vision",
    ),
    Case(
        "shared-tensors",
        {"mm_tensor_ipc": "torch_shm", "tensor_parallel_size": 2},
        {"mm_tensor_ipc": "torch_shm"},
        model="gemma3-vision",
    ),
    Case(
        "processor-device",
        {"mm_processor_device": "cuda"},
        {"mm_processor_device": "cpu"},
        model="gemma3-vision",
    ),
    Case("prompt-embeddings", {"enable_prompt_embeds": True}, {}, model="whisper"),
)
