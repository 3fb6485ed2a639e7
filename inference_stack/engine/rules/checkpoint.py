"""What the config.json of a model says, as far as vLLM holds arguments against it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from pathlib import Path
from typing import Any, cast

from inference_stack.catalog.config.fields import Fields
from inference_stack.catalog.config.rotary import rope_parameters

DATA = Path(__file__).parent / "data"

LENGTHS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
"""Fields of config.json that may state the longest context."""
EXPERTS = ("num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts")
LATENT = frozenset(
    [
        "axk1",
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "deepseek_v4",
        "dots3_note",
        "deepseek_mtp",
        "glm_moe_dsa",
        "glm4_moe_lite",
        "kimi_k2",
        "kimi_linear",
        "longcat_flash",
        "longcat_flash_ngram",
        "pangu_ultra_moe",
        "bailing_hybrid",
        "hy_v4",
    ]
)
"""Model types with latent attention (MLA), if they also have its field kv_lora_rank."""
ENCODER_DECODERS = frozenset(("whisper", "t5", "bart", "mbart", "nemotron_parse", "cohere_asr"))
"""Model types that are encoder and decoder without their config.json saying so."""
GENERATING_ENDINGS = ("ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel")
POOLED_ENDINGS = (
    "ForTextEncoding",
    "EmbeddingModel",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForAudioClassification",
    "ForImageClassification",
    "ForVideoClassification",
    "ClassificationModel",
    "ForRewardModeling",
    "RewardModel",
)
"""Endings of architectures that vLLM runs to pool where nobody says otherwise."""
ENDINGS = (*GENERATING_ENDINGS, *POOLED_ENDINGS, "Model")
"""Endings of architectures, in vLLM's order: it swaps them to find a class that it can convert."""
NO_HEADS_SAID = frozenset(("dbrx", "nemotron-nas", "cohere_asr", "moss_audio", "medusa", "timm_wrapper"))
"""Model types whose heads vLLM reads in ways of their own."""


@cache
def architectures(version: str) -> Mapping[str, frozenset[str]]:
    """What each model class of a version of vLLM can do; empty for a version whose classes nobody read."""
    path = DATA / f"architectures-{version}.json"
    rows: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
    return {name: frozenset(traits) for name, traits in rows.items()}


@dataclass(frozen=True)
class Checkpoint:
    """A model, by its config.json. What it does not say is None."""

    architectures: tuple[str, ...]
    kind: str
    """model_type of the whole, not of the decoder inside it."""
    traits: frozenset[str] | None
    """What vLLM's class of this architecture can do; None where that is not known."""
    registered: bool
    """Whether vLLM has a class of exactly this name, and not only one that it converts."""
    heads: int | None
    kv_heads: int | None
    experts: int
    latent: bool
    longest: tuple[float, str]
    """Tokens of the longest context that vLLM derives, and by what; infinite where no field states one."""
    longest_in_window: tuple[float, str]
    """The same where the sliding window is turned off, and every layer sees no further than it."""
    asked: int | None
    """Tokens of the context where nobody asks for one, if it is another than the longest (longrope)."""
    model_max_length: int | None
    quantization: str | None
    encoder_decoder: bool
    fields: Fields

    def can(self, trait: str) -> bool | None:
        """Whether the model's class can do this; None where that is not known."""
        return None if self.traits is None else trait in self.traits


def checkpoint(config: Mapping[str, Any], overrides: Mapping[str, Any], version: str) -> Checkpoint:
    """The model that a config.json describes, changed by hf_overrides, as a version of vLLM knows it."""
    config = _merged(config, overrides)
    fields = Fields(config)
    names = tuple(cast("list[str]", config.get("architectures") or ()))
    known = architectures(version)
    heads = _whole(fields, "num_attention_heads", "n_head", "n_heads", "decoder_attention_heads")
    kind = str(config.get("model_type") or "")
    window = _whole(fields, "sliding_window") if _slides(fields) else None
    strange = fields.model_type in NO_HEADS_SAID
    return Checkpoint(
        architectures=names,
        kind=kind,
        traits=next((known[name] for name in map(partial(_base, known), names) if name), None),
        registered=any(name in known for name in names),
        heads=None if strange else heads,
        kv_heads=None if strange else _kv_heads(fields, heads),
        experts=_whole(fields, *EXPERTS) or 0,
        latent=fields.model_type in LATENT and fields.get("kv_lora_rank") is not None,
        longest=_longest(fields, None),
        longest_in_window=_longest(fields, window),
        asked=_whole(fields, "original_max_position_embeddings") if _long_rope(fields) else None,
        model_max_length=_whole(fields, "model_max_length"),
        quantization=_quantization(config),
        encoder_decoder=bool(config.get("is_encoder_decoder") or kind in ENCODER_DECODERS),
        fields=fields,
    )


def _base(known: Mapping[str, frozenset[str]], name: str) -> str | None:
    """The class that vLLM takes for an architecture: of its name, or with another ending, to be converted."""
    if name in known:
        return name
    for ending in ENDINGS:
        if name.endswith(ending):
            found = (name.removesuffix(ending) + other for other in ENDINGS)
            return next((one for one in found if one in known), None)
    return None


def _merged(config: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(config)
    for name, value in changes.items():
        old = config.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            old, value = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", value)
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged


def _whole(fields: Fields, *names: str) -> int | None:
    value = fields.get(*names)
    if isinstance(value, list):
        value = cast("list[object]", value)[0] if value else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _kv_heads(fields: Fields, heads: int | None) -> int | None:
    if fields.model_type in ("falcon", "RefinedWeb", "RefinedWebModel"):
        new, shared = (fields.flag(name) for name in ("new_decoder_architecture", "multi_query"))
        if shared and not new:
            return 1
    names = (
        "n_head_kv",
        "num_kv_heads",
        "num_key_value_heads",
        "multi_query_group_num",
        "num_attention_groups",
    )
    return _whole(fields, *names) or heads


def _slides(fields: Fields) -> bool:
    """Qwen2 and its like state a window that they do not use unless told so."""
    return "use_sliding_window" not in fields.decoder or fields.flag("use_sliding_window")


def _quantization(config: Mapping[str, Any]) -> str | None:
    for one in (config, config.get("text_config")):
        described = cast("Mapping[str, Any]", one if isinstance(one, Mapping) else {})
        found = described.get("quantization_config") or described.get("compression_config")
        if isinstance(found, Mapping):
            method = cast("Mapping[str, object]", found).get("quant_method")
            return str(method or "").lower().replace("compressed_tensors", "compressed-tensors")
    return None


def _long_rope(fields: Fields) -> bool:
    return rope_parameters(fields).get("rope_type") == "longrope"


def _longest(fields: Fields, window: int | None) -> tuple[float, str]:
    """As vLLM derives it: the least of what the fields state, then scaled as the rotary embedding is."""
    stated = {name: found for name in LENGTHS if (found := _whole(fields, name)) is not None}
    if not stated:
        return inf, ""
    said_by = (
        "model_max_length" if stated.get("model_max_length") else min(stated, key=lambda name: stated[name])
    )
    longest = float(stated[said_by])
    if window is not None and window < longest:
        said_by, longest = "sliding_window", float(window)
    if "gemma3" in fields.model_type:
        return longest, said_by
    parameters = rope_parameters(fields)
    each = [cast("Mapping[str, Any]", one) for one in parameters.values() if isinstance(one, Mapping)]
    factor: float | None = 1.0
    for one in each or [parameters]:
        kind = one.get("rope_type", one.get("type", "default"))
        if kind in ("su", "longrope", "llama3"):
            continue
        factor = one.get("factor", factor)
        if kind == "yarn":
            longest, said_by = float(one.get("original_max_position_embeddings", longest)), "rope_scaling"
    return longest * (factor or 1.0), said_by
