"""Cases of rules/speculation.py, kv_transfer.py, cache.py, compilation.py and observing.py."""

from .engine_case import Case

NGRAM = {"method": "ngram", "num_speculative_tokens": 3}
NIXL = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}
MASK = {"return_sampling_mask": True, "logprobs_mode": "processed_logprobs"}
FLASHINFER = {"mamba_backend": "flashinfer"}


def speculative(**changes: object) -> dict[str, object]:
    return {"speculative_config": {**NGRAM, **changes}}


CASES = (
    Case(
        "speculation-said-twice",
        {"spec_method": "ngram", "speculative_config": NGRAM},
        {"spec_method": "ngram", "spec_tokens": 3},
    ),
    Case(
        "speculation-incomplete", {"speculative_config": {"method": "ngram"}}, {"speculative_config": NGRAM}
    ),
    Case(
        "speculation-incomplete",
        {"speculative_config": {"num_speculative_tokens": 3}},
        {"spec_model": "ngram", "spec_tokens": 3},
    ),
    Case(
        "speculation-settings",
        speculative(prompt_lookup_min=5, prompt_lookup_max=4),
        speculative(prompt_lookup_min=4, prompt_lookup_max=4),
        "speculative_config.prompt_lookup_min",
    ),
    Case(
        "speculation-settings",
        speculative(tensor_parallel_size=1),
        speculative(),
        "speculative_config.tensor_parallel_size",
    ),
    Case(
        "speculation-settings",
        speculative(use_heterogeneous_vocab=True),
        speculative(),
        "speculative_config.use_heterogeneous_vocab",
    ),
    Case(
        "speculation-settings",
        speculative(synthetic_acceptance_length=2.0),
        speculative(synthetic_acceptance_length=2.0, rejection_sample_method="synthetic"),
        "speculative_config.synthetic_acceptance_length",
    ),
    Case(
        "speculation-not-supported", speculative(method="suffix"), speculative(), "speculative_config.method"
    ),
    Case("speculation-not-supported", speculative(method="mtp"), speculative(), "speculative_config.method"),
    Case(
        "speculation-not-supported",
        speculative(method="mtp", num_speculative_tokens=3)
        | {"hf_overrides": {"num_nextn_predict_layers": 2}},
        speculative(method="mtp", num_speculative_tokens=4)
        | {"hf_overrides": {"num_nextn_predict_layers": 2}},
        "speculative_config.num_speculative_tokens",
        model="deepseek-v3",
    ),
    Case(
        "speculation-with-others",
        {"async_scheduling": True, "speculative_config": NGRAM},
        {"async_scheduling": True},
    ),
    Case(
        "speculation-with-others",
        {"per_request_spec_decode_metrics": "summary"},
        {"per_request_spec_decode_metrics": "summary", "speculative_config": NGRAM},
    ),
    Case(
        "connector-role",
        {"kv_transfer_config": {"kv_connector": "NixlConnector"}},
        {"kv_transfer_config": NIXL},
        "kv_transfer_config.kv_role",
    ),
    Case(
        "connector-unknown",
        {"kv_transfer_config": {**NIXL, "kv_connector": "Mine"}},
        {"kv_transfer_config": {**NIXL, "kv_connector": "Mine", "kv_connector_module_path": "mine"}},
        "kv_transfer_config.kv_connector",
    ),
    Case("connector-unknown", {"kv_transfer_config": {}}, {"kv_transfer_config": NIXL}),
    Case(
        "connector-unknown",
        {"kv_transfer_config": {"kv_role": "kv_both"}},
        {"kv_transfer_config": {"kv_role": "kv_both"}, "kv_offloading_size": 4.0},
    ),
    Case(
        "nixl-with-context-parallelism",
        {"decode_context_parallel_size": 2, "tensor_parallel_size": 4, "kv_transfer_config": NIXL},
        {"decode_context_parallel_size": 4, "tensor_parallel_size": 4, "kv_transfer_config": NIXL},
        model="deepseek-v3",
    ),
    Case(
        "encoder-cache",
        {"ec_transfer_config": {"ec_connector": "E", "ec_role": "ec_producer"}},
        {"ec_transfer_config": {"ec_connector": "E", "ec_role": "ec_both"}},
    ),
    Case(
        "encoder-cache",
        {"ec_manager_config": {"manager_config": {"a": 1}}},
        {"ec_manager_config": {"manager_config": {"a": 1}, "encoder_cache_manager_cls": "a.B"}},
        "ec_manager_config.manager_config",
    ),
    Case(
        "mamba-settings",
        {"mamba_block_size": 64, "enable_prefix_caching": False},
        {"mamba_block_size": 64, "enable_prefix_caching": True},
    ),
    Case(
        "mamba-settings", {"mamba_ssu_algorithm": "simple"}, {"mamba_ssu_algorithm": "simple", **FLASHINFER}
    ),
    Case(
        "mamba-settings",
        {"enable_mamba_cache_stochastic_rounding": True},
        {"enable_mamba_cache_stochastic_rounding": True, "mamba_ssm_cache_dtype": "float16"},
    ),
    Case(
        "mamba-prefixes",
        {"enable_chunked_prefill": False},
        {"enable_chunked_prefill": False, "enable_prefix_caching": False},
        model="qwen3-next",
    ),
    Case("replayssm-not-supported", {"use_replayssm": True}, {"use_replayssm": False}),
    Case(
        "kv-type-with-latent-attention",
        {"kv_cache_dtype": "nvfp4"},
        {"kv_cache_dtype": "fp8"},
        model="deepseek-v3",
    ),
    Case(
        "offloading-groups",
        {"offload_num_in_group": 3, "offload_group_size": 2},
        {"offload_num_in_group": 2, "offload_group_size": 2},
    ),
    Case(
        "offloading-groups",
        {"offload_prefetch_step": 0, "offload_group_size": 2},
        {"offload_prefetch_step": 0},
    ),
    Case(
        "said-twice",
        {"attention_backend": "FLASH_ATTN", "attention_config": {"backend": "FLASHINFER"}},
        {"attention_backend": "FLASH_ATTN"},
    ),
    Case(
        "graph-sizes", {"cudagraph_capture_sizes": []}, {"cudagraph_capture_sizes": [], "enforce_eager": True}
    ),
    Case(
        "graph-sizes",
        {"max_cudagraph_capture_size": 16, "cudagraph_capture_sizes": [1, 8]},
        {"max_cudagraph_capture_size": 8, "cudagraph_capture_sizes": [1, 8]},
    ),
    Case(
        "custom-operators",
        {"compilation_config": {"custom_ops": ["rms_norm"]}},
        {"compilation_config": {"custom_ops": ["+rms_norm"]}},
        "compilation_config.custom_ops",
    ),
    Case(
        "custom-operators",
        {"compilation_config": {"custom_ops": ["all", "none"]}},
        {"compilation_config": {"custom_ops": ["all"]}},
        "compilation_config.custom_ops",
    ),
    Case(
        "compilation-settings",
        {"compilation_config": {"mode": 3, "backend": "mine"}},
        {"compilation_config": {"mode": 1, "backend": "mine"}},
        "compilation_config.backend",
    ),
    Case(
        "attention-settings",
        {"attention_config": {"backend_per_kind": {"own": "FLASH_ATTN"}}},
        {"attention_config": {"backend_per_kind": {"mamba": "FLASH_ATTN"}}},
        "attention_config.backend_per_kind.own",
    ),
    Case(
        "expert-kernels-of-other-models",
        {"moe_backend": "flashinfer-moe-ep-mega-cutedsl"},
        {"moe_backend": "triton"},
        model="mixtral",
    ),
    Case(
        "traces-without-endpoint",
        {"collect_detailed_traces": ["all"]},
        {"collect_detailed_traces": ["all"], "otlp_traces_endpoint": "http://a:4317"},
    ),
    Case(
        "hidden-metrics-version",
        {"show_hidden_metrics_for_version": "next"},
        {"show_hidden_metrics_for_version": "0.28"},
    ),
    Case(
        "profiler-settings",
        {"profiler_config": {"profiler": "torch"}},
        {"profiler_config": {"profiler": "torch", "torch_profiler_dir": "a"}},
        "profiler_config.torch_profiler_dir",
    ),
    Case(
        "profiler-settings",
        {"profiler_config": {"profiler": "proton", "proton_profiler_dir": "a"}},
        {"profiler_config": {"profiler": "proton", "proton_profiler_dir": "a"}, "enforce_eager": True},
        "profiler_config.profiler",
    ),
    Case(
        "structured-output-backend",
        {"structured_outputs_config": {"disable_any_whitespace": True}},
        {"structured_outputs_config": {"disable_any_whitespace": True, "backend": "xgrammar"}},
        "structured_outputs_config.disable_any_whitespace",
    ),
    Case("sampling-replay", {"return_sampling_mask": True}, MASK, "logprobs_mode"),
    Case("sampling-replay", {**MASK, "logits_processors": ["a.B"]}, MASK),
    Case(
        "model-runner",
        {"prefill_context_parallel_size": 2, "enable_dbo": True},
        {"prefill_context_parallel_size": 2},
    ),
    Case(
        "reasoning-parser-unknown",
        {"reasoning_parser": "mine"},
        {"reasoning_parser": "mine", "reasoning_parser_plugin": "mine.py"},
    ),
    Case("format-unknown", {"load_format": "zip"}, {"load_format": "safetensors"}),
    Case("format-unknown", {"model_impl": "torch"}, {"model_impl": "transformers"}),
)
