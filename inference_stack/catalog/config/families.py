"""The model types that are known. What sets each apart follows vllm/model_executor/models of vLLM 0.29."""

from .dense import DENSE
from .family import Family
from .gemma import GEMMA
from .mixtures import MIXTURES
from .recurrent import RECURRENT

__all__ = ["FAMILIES"]

ALIASES = {
    "mistral3": "mistral",
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "gemma3n": "gemma3n_text",
    "granitemoe_swa": "granitemoeshared",
    "bailing_moe_v2": "bailing_moe",
    "bailing_moe_linear": "bailing_moe",
    "gpt-sw3": "gpt2",
    "codegen": "gptj",
    "glm4v_text": "glm4",
    "glm_ocr_text": "glm4",
    "glm4v_moe_text": "glm4_moe",
    "paddleocr_vl_text": "ernie4_5",
    "interns1": "qwen3",
    "idefics3": "llama",
    "qwen2_5_omni_text": "qwen2",
    "qwen3_omni_moe_text": "qwen3_moe",
    "qwen2_audio": "qwen2",
    "exaone4_5_text": "exaone4",
    "internlm": "llama",
    "deepseek_vl_v2": "deepseek_v2",
    "llama_nemotron": "llama",
    "baichuan": "llama",
    "xverse": "llama",
    "telechat3": "llama",
    "iquestcoder": "llama",
    "hunyuan": "hunyuan_v1_dense",
    "mistral4": "deepseek_v3",
    "mistral_large_3": "deepseek_v3",
    "llava": "llama",
    "llava_next": "llama",
    "llama4": "llama4_text",
    "qwen2_vl": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl": "qwen3",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe",
    "kimi_vl": "deepseek_v3",
    "kimi_k25": "deepseek_v3",
    "pixtral": "mistral",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
}
"""Other names under which a decoder of a known type comes."""

NAMED: dict[str, Family] = DENSE | MIXTURES | RECURRENT | GEMMA
FAMILIES: dict[str, Family] = NAMED | {alias: NAMED[name] for alias, name in ALIASES.items()}
