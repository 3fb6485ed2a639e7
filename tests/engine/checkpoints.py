"""Small models of many architectures: the config.json that vLLM reads, no weights, no tokenizer."""

import json
from pathlib import Path
from typing import Any

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "vocab_size": 1024,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
}
"""A dense model, of which the others are changes."""


def _like_llama(architecture: str, kind: str, **changes: Any) -> dict[str, Any]:
    return {**LLAMA, "architectures": [architecture], "model_type": kind, **changes}


_GEMMA = {"head_dim": 64, "hidden_activation": "gelu_pytorch_tanh", "sliding_window": 512}
_LATENT = {
    "kv_lora_rank": 128,
    "q_lora_rank": 128,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 32,
    "v_head_dim": 32,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 128,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
    "num_nextn_predict_layers": 1,
    "num_key_value_heads": 8,
}
_EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 128}
_VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 224,
    "patch_size": 14,
}

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "llama": LLAMA,
    "llama-3.1": {
        **LLAMA,
        "max_position_embeddings": 16384,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 2048,
        },
    },
    "llama-linear": {**LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}},
    "llama-fp8": {
        **LLAMA,
        "quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3"},
    },
    "llama-awq": {
        **LLAMA,
        "torch_dtype": "float16",
        "quantization_config": {
            "quant_method": "awq",
            "bits": 4,
            "group_size": 128,
            "zero_point": True,
            "version": "gemm",
        },
    },
    "llama-gptq": {
        **LLAMA,
        "torch_dtype": "float16",
        "quantization_config": {
            "quant_method": "gptq",
            "bits": 4,
            "group_size": 128,
            "desc_act": False,
            "sym": True,
        },
    },
    "llama-compressed": {
        **LLAMA,
        "quantization_config": {
            "quant_method": "compressed-tensors",
            "format": "float-quantized",
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {
                        "num_bits": 8,
                        "type": "float",
                        "strategy": "channel",
                        "symmetric": True,
                        "dynamic": False,
                    },
                    "input_activations": {
                        "num_bits": 8,
                        "type": "float",
                        "strategy": "token",
                        "symmetric": True,
                        "dynamic": True,
                    },
                }
            },
            "ignore": ["lm_head"],
        },
    },
    "llama-classifier": _like_llama("LlamaForSequenceClassification", "llama", num_labels=2),
    "qwen2": _like_llama("Qwen2ForCausalLM", "qwen2", sliding_window=2048, use_sliding_window=False),
    "qwen2-yarn": _like_llama(
        "Qwen2ForCausalLM",
        "qwen2",
        use_sliding_window=False,
        rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096},
    ),
    "qwen3": _like_llama("Qwen3ForCausalLM", "qwen3", head_dim=64),
    "qwen3-moe": _like_llama("Qwen3MoeForCausalLM", "qwen3_moe", head_dim=64, **_EXPERTS),
    "mistral": _like_llama(
        "MistralForCausalLM", "mistral", max_position_embeddings=8192, sliding_window=1024
    ),
    "mixtral": _like_llama("MixtralForCausalLM", "mixtral", num_local_experts=8, num_experts_per_tok=2),
    "gemma2": _like_llama(
        "Gemma2ForCausalLM", "gemma2", query_pre_attn_scalar=64, attn_logit_softcapping=50.0, **_GEMMA
    ),
    "gemma3": _like_llama("Gemma3ForCausalLM", "gemma3_text", query_pre_attn_scalar=64, **_GEMMA),
    "gemma3-vision": {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "torch_dtype": "bfloat16",
        "mm_tokens_per_image": 16,
        "text_config": _like_llama("Gemma3ForCausalLM", "gemma3_text", query_pre_attn_scalar=64, **_GEMMA),
        "vision_config": _VISION,
    },
    "phi3-longrope": _like_llama(
        "Phi3ForCausalLM",
        "phi3",
        max_position_embeddings=16384,
        original_max_position_embeddings=4096,
        rope_scaling={"type": "longrope", "short_factor": [1.0] * 32, "long_factor": [2.0] * 32},
        pad_token_id=0,
    ),
    "deepseek-v3": _like_llama("DeepseekV3ForCausalLM", "deepseek_v3", **_LATENT),
    "mamba2": {
        "architectures": ["Mamba2ForCausalLM"],
        "model_type": "mamba2",
        "torch_dtype": "bfloat16",
        "hidden_size": 256,
        "num_hidden_layers": 4,
        "num_heads": 8,
        "head_dim": 64,
        "expand": 2,
        "state_size": 64,
        "n_groups": 1,
        "vocab_size": 1024,
    },
    "qwen3-next": _like_llama(
        "Qwen3NextForCausalLM",
        "qwen3_next",
        head_dim=64,
        linear_num_key_heads=4,
        linear_num_value_heads=8,
        linear_key_head_dim=64,
        linear_value_head_dim=64,
        shared_expert_intermediate_size=128,
        **_EXPERTS,
    ),
    "gpt-oss": _like_llama(
        "GptOssForCausalLM",
        "gpt_oss",
        head_dim=64,
        num_local_experts=8,
        num_experts_per_tok=2,
        sliding_window=128,
        rope_scaling={"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096},
        quantization_config={"quant_method": "mxfp4"},
    ),
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "torch_dtype": "float32",
        "n_embd": 512,
        "n_head": 8,
        "n_layer": 4,
        "n_positions": 1024,
        "vocab_size": 1024,
    },
    "bert": {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "torch_dtype": "float32",
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "position_embedding_type": "absolute",
        "vocab_size": 1024,
    },
    "qwen2.5-vl": {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "torch_dtype": "bfloat16",
        "vision_config": {"depth": 2, "hidden_size": 128, "num_heads": 4, "out_hidden_size": 512},
        "rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]},
        **{
            key: value
            for key, value in LLAMA.items()
            if key not in ("architectures", "model_type", "torch_dtype")
        },
    },
    "whisper": {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "torch_dtype": "float16",
        "d_model": 256,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "max_source_positions": 1500,
        "max_target_positions": 448,
        "vocab_size": 51866,
        "num_mel_bins": 80,
    },
}


def write_checkpoints(root: Path) -> dict[str, str]:
    """A folder of each model under `root`; its path by the model's name."""
    folders: dict[str, str] = {}
    for name, config in CHECKPOINTS.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        folders[name] = str(folder)
    return folders
