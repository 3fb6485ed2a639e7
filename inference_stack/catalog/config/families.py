"""The model types that are known, and what sets each apart. Follows vllm/model_executor/models of vLLM 0.29."""

from ..architecture import Attention, Block, FeedForward, Rotary
from . import rotary
from .family import Family, no_rotary
from .fields import Fields
from .parts import (
    after_first_dense,
    attention,
    by_sparse_step,
    dense,
    every,
    latent,
    listed_window,
    mixture,
    shared_experts,
)

LLAMA = Family(attention(), dense())


def latent_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """Only the rotary part of a latent head is rotated."""
    return (rotary.table(fields, fields.number("qk_rope_head_dim"), deepseek=True),)


def noaux(fields: Fields, layer: int) -> int:
    """Unused: see `deepseek`."""
    return 0


def deepseek_feed_forward(fields: Fields, layer: int):  # noqa: ANN201
    """Experts behind shared ones; the score's correction comes with the selection method noaux_tc."""
    corrected = fields.get("topk_method") == "noaux_tc"
    return mixture(after_first_dense, shared=shared_experts, score_correction=corrected)(fields, layer)


DEEPSEEK = Family(latent, deepseek_feed_forward, rotary=latent_rotary)

FAMILIES: dict[str, Family] = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "ministral": LLAMA,
    "qwen2": Family(attention(True, False), dense()),
    "qwen3": Family(attention("attention_bias", "attention_bias", "head"), dense()),
    "qwen2_moe": Family(
        attention(True, False),
        mixture(
            by_sparse_step,
            shared=lambda f: f.number("shared_expert_intermediate_size", default=0),
            shared_gate=True,
        ),
    ),
    "qwen3_moe": Family(attention("attention_bias", "attention_bias", "head"), mixture(by_sparse_step)),
    "mixtral": Family(attention(False), mixture()),
    "gemma": Family(attention(), dense(), tied=True),
    "gemma2": Family(attention(window=every(2)), dense(), norms=4, tied=True),
    "gemma3_text": Family(attention(qk_norm="head", window=every(6)), dense(), norms=4, tied=True),
    "phi3": Family(attention(False), dense()),
    "gpt_oss": Family(
        attention(True, True, window=every(2), sinks=True),
        mixture(width=("intermediate_size",), bias=True, router_bias=True),
    ),
    "deepseek_v2": DEEPSEEK,
    "deepseek_v3": DEEPSEEK,
    "deepseek_v32": DEEPSEEK,
    "kimi_k2": DEEPSEEK,
}
