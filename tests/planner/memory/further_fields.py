"""Fields that a real config.json has beside those that the catalog keeps; vLLM will not start without.

None of them decides a size, or they say what is meant where a field is left out.
"""

from collections.abc import Mapping
from typing import Any

ABSENT = {
    "mistral": {"sliding_window": None},
    "ministral": {"sliding_window": None},
    "mixtral": {"sliding_window": None},
    "phi3": {"sliding_window": None},
    "minimax_m2": {"scoring_func": "sigmoid", "use_qk_norm": True},
}
"""transformers' defaults differ from what these checkpoints state."""
ROUTING = {"n_group": 1, "topk_group": 1, "scoring_func": "sigmoid", "norm_topk_prob": True}
PICTURES = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
    "size": {"shortest_edge": 3136, "longest_edge": 12845056},
    "patch_size": 14,
    "merge_size": 2,
    "temporal_patch_size": 2,
}


def further_fields(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of a checkpoint's folder, by name."""
    files = {"config.json": _complete(dict(config))}
    if "qwen" in str(config.get("model_type")):
        files["preprocessor_config.json"] = PICTURES
    return files


def _complete(config: dict[str, Any]) -> dict[str, Any]:
    filled = {
        key: _complete(dict(value)) if isinstance(value, dict) else value for key, value in config.items()
    }
    kind = str(filled.get("model_type"))
    filled = ABSENT.get(kind, {}) | filled
    if isinstance(text := filled.get("text_config"), dict) and "tie_word_embeddings" in text:
        filled = {"tie_word_embeddings": text["tie_word_embeddings"]} | filled
    if "kv_lora_rank" in filled:
        filled = {"q_lora_rank": None} | filled
    if "n_routed_experts" in filled:
        filled = ROUTING | filled
    if "moe" in kind:
        filled = {"norm_topk_prob": True} | filled
    if kind.startswith("lfm2"):
        filled = {"conv_dim": filled["hidden_size"], "conv_dim_out": filled["hidden_size"]} | filled
        filled = {"block_dim": filled["hidden_size"], "block_ff_dim": filled["intermediate_size"]} | filled
    if kind == "step3p5":
        filled = {"max_seq_len": filled["max_position_embeddings"]} | filled
    for name in ("rope_scaling", "rope_parameters"):
        if isinstance(rope := filled.get(name), dict):
            filled[name] = _rope(rope, filled)
    if any(_kind(filled.get(name)) == "longrope" for name in ("rope_scaling", "rope_parameters")):
        filled = {"original_max_position_embeddings": 4096} | filled
    return filled


def _kind(rope: Any) -> str | None:
    return rope.get("rope_type", rope.get("type")) if isinstance(rope, dict) else None


def _rope(rope: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    nested = {key: _rope(value, config) if isinstance(value, dict) else value for key, value in rope.items()}
    match _kind(rope):
        case "llama3":
            further: dict[str, Any] = {
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            }
        case "yarn":
            further = {"beta_fast": 32.0, "beta_slow": 1.0}
        case "longrope" | "su":
            share = config.get("partial_rotary_factor", 1.0)
            width = int(config["hidden_size"] // config["num_attention_heads"] * share) // 2
            further = {"long_factor": [1.0] * width, "short_factor": [1.0] * width}
            further |= {"original_max_position_embeddings": 4096}
        case _:
            further = {}
    theta = {"rope_theta": 10000.0} if _kind(rope) else {}
    return theta | further | nested
