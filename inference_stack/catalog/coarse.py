"""Figures that the coarse memory estimate still reads off a checkpoint. They go when it goes."""

from abc import ABC, abstractmethod
from typing import Any, Literal

from .data_files import Fields

GIB = 2**30

EXPERTS_ONLY = ("mxfp4", "int4-experts")
"""Layouts that leave attention as it was."""


class CoarseFigures(ABC):
    """Old names for what config.json says, and a rough count of weights."""

    quantization: str
    max_context: int

    @property
    @abstractmethod
    def fields(self) -> Fields:
        """The fields of config.json."""

    def _text(self, *names: str, default: Any = None) -> Any:
        text = self.fields.get("text_config", self.fields)
        return next((text[name] for name in names if text.get(name) is not None), default)

    @property
    def max_position_embeddings(self) -> int:
        """Longest context, tokens."""
        return self.max_context

    @property
    def weights_dtype(self) -> Literal["bf16", "fp8", "mxfp4"]:
        """How the checkpoint is published, roughly."""
        if self.quantization in ("bf16", "fp16", "fp32"):
            return "bf16"
        return "mxfp4" if _bits(self.quantization) < 8 else "fp8"

    @property
    def layers(self) -> int:
        """Layers of the decoder."""
        return self._text("num_hidden_layers")

    @property
    def hidden_size(self) -> int:
        """Width of the decoder."""
        return self._text("hidden_size")

    @property
    def intermediate_size(self) -> int:
        """Width of a dense feed-forward part."""
        return self._text("intermediate_size", "ffn_dim", "moe_intermediate_size")

    @property
    def vocab_size(self) -> int:
        """Tokens of the vocabulary."""
        return self._text("vocab_size")

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self._text("num_attention_heads")

    @property
    def kv_heads(self) -> int:
        """Key and value heads."""
        return self._text("num_key_value_heads", "num_attention_groups", default=self.heads)

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        latent = self._text("qk_nope_head_dim", default=0) + self._text("qk_rope_head_dim", default=0)
        return latent or self._text("head_dim", default=self.hidden_size // self.heads)

    @property
    def v_head_dim(self) -> int | None:
        """Width of a value head where it differs."""
        return self._text("v_head_dim")

    @property
    def experts(self) -> int | None:
        """Routed experts in a layer; None for a dense model."""
        return self._text("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")

    @property
    def experts_per_token(self) -> int | None:
        """Experts that one token passes."""
        return self._text("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_top_k")

    @property
    def moe_intermediate_size(self) -> int | None:
        """Width of an expert."""
        return self._text("moe_intermediate_size", "intermediate_size") if self.experts else None

    @property
    def shared_intermediate_size(self) -> int | None:
        """Sum of the widths of shared experts."""
        shared = self._text("n_shared_experts", default=0) * (self.moe_intermediate_size or 0)
        if self.fields["model_type"] == "llama4":
            shared = self.intermediate_size
        return self._text("shared_expert_intermediate_size", default=shared) or None

    @property
    def dense_layers(self) -> int | None:
        """Layers without experts in a mixture of experts."""
        if self._text("interleave_moe_layer_step", default=1) > 1:
            return self.layers // 2
        return self._text("first_k_dense_replace")

    @property
    def dense_intermediate_size(self) -> int | None:
        """Width of the dense layers in a mixture of experts."""
        return self._text("intermediate_size_mlp", "intermediate_size") if self.dense_layers else None

    @property
    def kv_lora_rank(self) -> int | None:
        """Width of the latent vector of multi-head latent attention."""
        return self._text("kv_lora_rank")

    @property
    def q_lora_rank(self) -> int | None:
        """Width of compressed queries."""
        return self._text("q_lora_rank")

    @property
    def qk_nope_head_dim(self) -> int | None:
        """Part of a head without positions."""
        return self._text("qk_nope_head_dim")

    @property
    def qk_rope_head_dim(self) -> int | None:
        """Part of a head with positions."""
        return self._text("qk_rope_head_dim")

    @property
    def weights_gib(self) -> float:
        """Weights, GiB, rough: embeddings at two bytes, the rest at the layout's."""
        embeddings = self.vocab_size * self.hidden_size
        if not self._text("tie_word_embeddings", default=False):
            embeddings *= 2
        bits = _bits(self.quantization)
        attention = self.layers * self._attention() * (16 if self.quantization in EXPERTS_ONLY else bits) / 8
        return (2 * embeddings + attention + self._feed_forward() * bits / 8 + self._tower()) / GIB

    def _attention(self) -> int:
        hidden, heads = self.hidden_size, self.heads
        if self.kv_lora_rank is None:
            return hidden * self.head_dim * 2 * (heads + self.kv_heads)
        nope, value = self.qk_nope_head_dim or 0, self.v_head_dim or 0
        rank = self.q_lora_rank
        query = (hidden + heads * self.head_dim) * rank if rank else hidden * heads * self.head_dim
        latent = hidden * (self.kv_lora_rank + (self.qk_rope_head_dim or 0))
        return query + latent + self.kv_lora_rank * heads * (nope + value) + heads * value * hidden

    def _feed_forward(self) -> int:
        hidden = self.hidden_size
        matrices = 2 if self.fields["model_type"] in ("opt", "phi") else 3
        if not self.experts:
            return self.layers * matrices * hidden * self.intermediate_size
        dense = self.dense_layers or 0
        width = self.experts * (self.moe_intermediate_size or 0) + (self.shared_intermediate_size or 0)
        return 3 * hidden * ((self.layers - dense) * width + dense * (self.dense_intermediate_size or 0))

    def _tower(self) -> int:
        vision: Fields = self.fields.get("vision_config", {})
        width, layers = vision.get("hidden_size", 0), vision.get("num_hidden_layers", vision.get("depth", 0))
        return 2 * layers * (4 * width * width + 2 * width * vision.get("intermediate_size", 0))


def _bits(quantization: str) -> float:
    if quantization == "fp32":
        return 32
    if quantization in ("bf16", "fp16"):
        return 16
    if quantization in EXPERTS_ONLY:
        return 4.25
    return 4.5 if quantization in ("awq", "gptq", "w4a16", "nvfp4") else 8.1
