"""Real vLLM on simulated GPUs and Hugging Face's transformers on the same models: what each answers, as JSON.

A process of its own, since vLLM chooses its platform once.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from vllm import LLM, SamplingParams
from vllm.distributed import cleanup_dist_env_and_memory

from localcloud.sim_gpu.small_model import make_small_model

PROMPTS = ("hello world " * 6, "abc", "The quick brown fox " * 8)
TOKENS = 24
LLAMA = {
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 2048,
    "dtype": "float32",
}
CHOSEN = {"num_experts_per_tok": 2}
SPECULATING = {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 3, "prompt_lookup_min": 1}

SMALL = LLAMA | {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 128,
}
REFUSED: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "fp8 KV cache": (SMALL, {"kv_cache_dtype": "fp8"}),
    "fp8 weights": (SMALL, {"quantization": "fp8"}),
    "AWQ weights": (
        SMALL
        | {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True}},
        {},
    ),
    "latent attention": (
        SMALL
        | {
            "model_type": "deepseek_v2",
            "architectures": ["DeepseekV2ForCausalLM"],
            "kv_lora_rank": 64,
            "q_lora_rank": None,
            "qk_nope_head_dim": 32,
            "qk_rope_head_dim": 32,
            "v_head_dim": 32,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
        },
        {},
    ),
    "recurrent layers": (
        SMALL
        | {
            "model_type": "granitemoehybrid",
            "architectures": ["GraniteMoeHybridForCausalLM"],
            "num_local_experts": 0,
            "layer_types": ["mamba", "attention"],
            "mamba_n_heads": 8,
            "mamba_d_head": 32,
        },
        {},
    ),
}
"""What a simulated GPU cannot do, by what each has of it: a config.json, and engine arguments."""


def answers(folder: Path) -> Iterator[dict[str, Any]]:
    """One record a case: the tokens of both sides."""
    families = {
        "llama": LLAMA,
        "mistral-window": LLAMA | {"model_type": "mistral", "sliding_window": 16},
        "gemma2": LLAMA | {"model_type": "gemma2", "sliding_window": 16},
        "qwen3": LLAMA | {"model_type": "qwen3"},
        "mixtral": LLAMA | {"model_type": "mixtral", "num_local_experts": 8, **CHOSEN},
        "qwen3-moe": LLAMA
        | {"model_type": "qwen3_moe", "num_experts": 8, **CHOSEN, "moe_intermediate_size": 768},
    }
    for name, config in families.items():
        make_small_model(config, folder / name)
        yield {"case": name, **_answers(folder / name)}
    yield {"case": "speculation", **_answers(folder / "llama", speculative_config=SPECULATING)}
    yield {"case": "random sampling", "refusal": _refused_sampling(folder / "llama")}
    drafting = {"method": "draft_model", "model": str(folder / "drafting model"), "num_speculative_tokens": 2}
    refused = {**REFUSED, "drafting model": (SMALL, {"speculative_config": drafting})}
    for name, (config, wrong) in refused.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(config))
        try:
            # Refused before weights or tokenizer are looked for.
            LLM(model=str(folder / name), skip_tokenizer_init=True, load_format="dummy", **wrong)
        except ValueError as refusal:
            yield {"case": name, "refusal": str(refusal)}


def _answers(model: Path, **arguments: Any) -> dict[str, Any]:
    engine = LLM(
        model=str(model),
        dtype="float32",
        max_model_len=512,
        max_num_seqs=4,
        disable_log_stats=False,
        **arguments,
    )
    # At least as many as at most: both sides leave out the token that ends an answer.
    asked = SamplingParams(temperature=0, max_tokens=TOKENS, min_tokens=TOKENS)
    outputs = engine.generate(PROMPTS, asked, use_tqdm=False)
    metrics = {metric.name: getattr(metric, "value", None) for metric in engine.get_metrics()}
    del engine
    cleanup_dist_env_and_memory()
    reference = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return {
        "vllm": [list(output.outputs[0].token_ids) for output in outputs],
        "transformers": [_reference(reference, output.prompt_token_ids) for output in outputs],
        "accepted": metrics.get("vllm:spec_decode_num_accepted_tokens"),
    }


def _refused_sampling(model: Path) -> str:
    engine = LLM(model=str(model), max_model_len=512, speculative_config=SPECULATING)
    try:
        engine.generate(PROMPTS, SamplingParams(temperature=0.7), use_tqdm=False)
    except ValueError as refusal:
        return str(refusal)
    return ""


def _reference(model: Any, prompt: list[int]) -> list[int]:
    made = model.generate(
        torch.tensor([prompt]), max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False
    )
    return made[0, len(prompt) :].tolist()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(list(answers(Path(sys.argv[1])))))
