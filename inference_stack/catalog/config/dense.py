"""Families whose every layer is attention and a dense feed-forward part."""

from dataclasses import replace
from typing import Literal

from ..architecture import Attention, FeedForward, Rotary
from . import rotary
from .family import AttentionReader, Family, Width, no_rotary
from .fields import Fields
from .parts import attention, dense, every, listed_window, unless_off

LLAMA = Family(attention(), dense())


def partly_rotary(share: float):
    """A table for the part of a head that is rotated, `share` where the config is silent."""

    def read(fields: Fields) -> tuple[Rotary, ...]:
        stated = fields.get("partial_rotary_factor", "rotary_pct", "rope_pct")
        parameters = rotary.rope_parameters(fields)
        stated = parameters.get("partial_rotary_factor", stated)
        return (rotary.table(fields, fields.head_dim, partial=share if stated is None else float(stated)),)

    return read


def bare_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """Frequencies alone, for one kind of layer."""
    return (rotary.frequencies(fields),)


def through_transformers(
    mixer: AttentionReader, projections: Literal["apart", "whole"] = "apart"
) -> AttentionReader:
    """Projections as transformers' own class has them; whole where it has no plan to deal them out."""

    def read(fields: Fields, layer: int) -> Attention:
        return replace(mixer(fields, layer), projections=projections)

    return read


def local_and_global_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """Sliding layers rotate by a table of their own, to which no scaling applies."""
    local = {"rope_type": "default"}
    if fields.get("rope_parameters"):
        local = rotary.rope_parameters(fields, "sliding_attention")
    whole = rotary.rope_parameters(fields, "full_attention")
    return tuple(
        rotary.table(fields, fields.head_dim, parameters=parameters) for parameters in (local, whole)
    )


def normalizer(_fields: Fields) -> int:
    """The factor of the embeddings, which vLLM keeps as a tensor."""
    return 1


def falcon_attention(fields: Fields, layer: int) -> Attention:
    """One key-value head with multi_query, several with the newer decoder."""
    mixer = attention("bias")(fields, layer)
    if fields.flag("new_decoder_architecture"):
        return replace(mixer, kv_heads=fields.number("num_kv_heads", "n_head_kv", default=fields.heads))
    return replace(mixer, kv_heads=1 if fields.flag("multi_query", default=True) else fields.heads)


def falcon_norms(fields: Fields, _layer: int) -> int:
    """One norm before both parts where they run in parallel, unless the newer decoder norms each."""
    if fields.flag("new_decoder_architecture"):
        return fields.number("num_ln_in_parallel_attn", default=2)
    return 1 if fields.flag("parallel_attn", default=True) else 2


def chatglm_attention(fields: Fields, layer: int) -> Attention:
    """Its own names for bias and key-value heads."""
    mixer = attention("add_qkv_bias", "add_bias_linear")(fields, layer)
    grouped = fields.flag("multi_query_attention")
    return replace(mixer, kv_heads=fields.number("multi_query_group_num") if grouped else fields.heads)


def all_heads(mixer: AttentionReader) -> AttentionReader:
    """Every query head has keys and values of its own, whatever the config says."""

    def read(fields: Fields, layer: int) -> Attention:
        found = mixer(fields, layer)
        return replace(found, kv_heads=found.heads)

    return read


def apertus_feed_forward(fields: Fields, _layer: int) -> FeedForward:
    """Two matrices around xIELU."""
    return FeedForward(fields.number("intermediate_size"), gated=False, bias=fields.flag("mlp_bias"))


def gpt2_width() -> Width:
    """Two matrices with biases."""
    return dense(False, True, "n_inner", "intermediate_size")


DENSE: dict[str, Family] = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "ministral": LLAMA,
    "ministral3": LLAMA,
    "granite": LLAMA,
    "solar": LLAMA,
    "cwm": LLAMA,
    "yi": LLAMA,
    "aquila": LLAMA,
    "step1": LLAMA,
    "hyperclovax": Family(
        attention(),
        dense(),
        norms=lambda fields, _layer: 4 if fields.flag("use_post_norm") else 2,
    ),
    "jais2": Family(attention(), dense(False), norm_bias=True),
    "granite_swa": Family(attention(window=listed_window, sinks=True), dense()),
    "internlm3": Family(attention("qkv_bias", "bias"), dense(True, "bias")),
    "internlm2": Family(attention("bias"), dense(True, False)),
    "smollm3": Family(through_transformers(attention()), dense(), tied=True, rotary=bare_rotary),
    "arcee": Family(attention(), dense(False)),
    "qwen2": Family(attention(True, False), dense()),
    "mimo": Family(attention("attention_bias", False), dense()),
    "qwen3": Family(attention(qk_norm="head"), dense()),
    "gemma": Family(attention(), dense(), tied=True, outside=normalizer),
    "gemma2": Family(attention(window=every(2)), dense(), norms=4, tied=True, outside=normalizer),
    "gemma3_text": Family(
        attention(qk_norm="head", window=every(6)),
        dense(),
        norms=4,
        tied=True,
        rotary=local_and_global_rotary,
        outside=normalizer,
    ),
    "phi": Family(
        all_heads(attention(True)),
        dense(False, True),
        norms=1,
        norm_bias=True,
        head_bias=True,
        rotary=partly_rotary(0.5),
    ),
    "phi3": Family(attention(False), dense()),
    "opt": Family(
        all_heads(attention(unless_off("enable_bias"))),
        dense(False, unless_off("enable_bias"), "ffn_dim", "intermediate_size"),
        norm_bias=True,
        tied=True,
        rotary=no_rotary,
        positions=lambda fields: fields.context + 2,
        embedding_size=lambda fields: (
            0
            if fields.number("word_embed_proj_dim", default=fields.hidden) == fields.hidden
            else fields.number("word_embed_proj_dim")
        ),
    ),
    "gpt_neox": Family(
        all_heads(attention(unless_off("attention_bias"))),
        dense(False, True),
        norm_bias=True,
        rotary=partly_rotary(0.25),
    ),
    "gpt2": Family(
        all_heads(attention(True)),
        gpt2_width(),
        norm_bias=True,
        tied=True,
        rotary=no_rotary,
        positions=lambda fields: fields.context,
    ),
    "gptj": Family(
        all_heads(attention(False)),
        dense(False, True, "n_inner"),
        norms=1,
        norm_bias=True,
        head_bias=True,
        rotary=lambda fields: (Rotary(fields.context, fields.number("rotary_dim", default=fields.head_dim)),),
    ),
    "bloom": Family(
        all_heads(attention(True)),
        dense(False, True, "n_inner"),
        norm_bias=True,
        embedding_norms=1,
        tied=True,
        rotary=no_rotary,
    ),
    "falcon": Family(
        falcon_attention,
        dense(False, "bias", "ffn_hidden_size", "intermediate_size"),
        norms=falcon_norms,
        norm_bias=True,
        tied=True,
        rotary=lambda fields: () if fields.flag("alibi") else (rotary.table(fields, fields.head_dim),),
    ),
    "starcoder2": Family(
        through_transformers(attention(unless_off("use_bias"))),
        dense(False, unless_off("use_bias")),
        norm_bias=True,
        tied=True,
        rotary=bare_rotary,
    ),
    "stablelm": Family(attention("use_qkv_bias", False), dense(), norm_bias=True, rotary=partly_rotary(0.25)),
    "cohere": Family(attention(qk_norm="heads", norm_flag="use_qk_norm"), dense(), norms=1, tied=True),
    "cohere2": Family(attention(window=every(4)), dense(), norms=1, tied=True),
    "nemotron": Family(attention(), dense(False), norm_bias=True, rotary=partly_rotary(0.5)),
    "exaone": Family(attention(False), dense()),
    "exaone4": Family(attention(False, qk_norm="head", window=listed_window), dense()),
    "olmo2": Family(through_transformers(attention(qk_norm="whole")), dense(), rotary=bare_rotary),
    "olmo3": Family(
        through_transformers(attention(qk_norm="whole", window=listed_window)),
        dense(),
        rotary=lambda fields: (rotary.frequencies(fields, 2),),
    ),
    "glm": Family(attention(unless_off("attention_bias"), False), dense(), rotary=partly_rotary(0.5)),
    "glm4": Family(attention("attention_bias", False), dense(), norms=4, rotary=partly_rotary(0.5)),
    "chatglm": Family(
        chatglm_attention,
        dense(True, "add_bias_linear", "ffn_hidden_size"),
        rotary=lambda fields: (rotary.table(fields, fields.head_dim, partial=0.5),),
    ),
    "seed_oss": Family(attention(unless_off("attention_bias"), "attention_out_bias"), dense()),
    "apertus": Family(attention(qk_norm="head"), apertus_feed_forward, further=lambda _fields, _layer: 4),
    "ernie4_5": Family(attention("use_bias"), dense(True, "use_bias"), tied=True),
    "hunyuan_v1_dense": Family(
        through_transformers(attention(qk_norm="head", norm_flag="use_qk_norm"), "whole"),
        dense(),
        rotary=bare_rotary,
    ),
    "minicpm": Family(attention(False), dense(), tied=True),
    "orion": Family(attention(False), dense(), norm_bias=True),
}
