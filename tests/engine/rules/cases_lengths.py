"""Cases of rules/lengths.py."""

from .engine_case import A100, H100, Case

NO_CHUNKS = {"enable_chunked_prefill": False}
CASES = (
    Case("context-not-positive", {"max_model_len": 0}, {"max_model_len": 1}),
    Case("context-not-positive", {"max_model_len": -1}, {"max_model_len": 4096}, model="mamba2"),
    Case("context-beyond-model", {"max_model_len": 4097}, {"max_model_len": 4096}),
    Case("context-beyond-model", {"max_model_len": 16385}, {"max_model_len": 16384}, model="qwen2-yarn"),
    Case("context-beyond-model", {"max_model_len": 16385}, {"max_model_len": 16384}, model="llama-linear"),
    Case("context-beyond-model", {"max_model_len": 16385}, {"max_model_len": "16384"}, model="llama-3.1"),
    Case(
        "context-beyond-model",
        {"max_model_len": 1025, "disable_sliding_window": True},
        {"max_model_len": 8192},
        model="mistral",
    ),
    Case(
        "context-beyond-model",
        {"max_model_len": 8192},
        {"max_model_len": 8192, "hf_overrides": {"max_position_embeddings": 8192}},
    ),
    Case(
        "batch-below-context",
        {"max_num_batched_tokens": 4095, **NO_CHUNKS},
        {"max_num_batched_tokens": 4096, **NO_CHUNKS},
    ),
    Case(
        "batch-below-context",
        {"max_num_batched_tokens": 256},
        {"max_num_batched_tokens": 512},
        model="bert",
    ),
    Case(
        "batch-below-requests",
        {"max_num_seqs": 129, "max_num_batched_tokens": 128},
        {"max_num_seqs": 128, "max_num_batched_tokens": 128},
    ),
    Case("batch-below-requests", {"max_num_seqs": 4096}, {"max_num_seqs": 4096}, gpu=A100, keeps_gpu=H100),
    Case(
        "long-prefill-beyond-context",
        {"long_prefill_token_threshold": 2049, "max_model_len": 2048},
        {"long_prefill_token_threshold": 2048, "max_model_len": 2048},
    ),
)
