"""How a checkpoint stores its matrices, from the quantization_config of its config.json."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ..architecture import Layout
from .fields import ConfigError

PARTS = ("attention", "recurrent", "dense", "experts", "shared")
"""Parts that a quantized layout stores quantized unless it names exceptions."""
EXAMPLES = {
    "attention": (
        ("self_attn.q_proj", "self_attn.o_proj"),
        ("self_attn.q_b_proj", "self_attn.o_proj"),
        ("attention.wq", "attention.wo"),
    ),
    "recurrent": (("linear_attn.in_proj_qkvz",), ("mamba.in_proj",), ("mixer.in_proj",)),
    "dense": (("mlp.gate_proj", "mlp.down_proj"), ("feed_forward.w1", "feed_forward.w2")),
    "experts": (
        ("mlp.experts.0.gate_proj", "mlp.experts.0.down_proj"),
        ("block_sparse_moe.experts.0.w1", "block_sparse_moe.experts.0.w2"),
        ("feed_forward.experts.0.gate_proj",),
    ),
    "shared": (
        ("mlp.shared_experts.gate_proj",),
        ("mlp.shared_expert.gate_proj",),
        ("shared_mlp.gate_proj",),
    ),
}
"""How checkpoints call the matrices of a part; a part is excepted where all names of one family are."""
LAYER = "model.layers.7."
"""A layer in the middle: exceptions for the first or last layer alone do not count."""
UNQUANTIZED = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
KNOWN = "fp8, fbgemm_fp8, compressed-tensors, awq, gptq, mxfp4, modelopt"
"""Checkpoint layouts that are read; quantization: fp8 quantizes a 16-bit checkpoint while it loads."""


def read(config: Mapping[str, Any], quantization: str | None = None) -> Layout:
    """The layout of a checkpoint; `quantization` is the engine's argument, which may quantize while loading.

    Raises ConfigError for a quantization that is not known.
    """
    stated = config.get("quantization_config") or config.get("compression_config")
    for nested in ("text_config", "language_config", "llm_config"):
        inner = config.get(nested)
        if not stated and isinstance(inner, Mapping):
            stated = cast("Mapping[str, Any]", inner).get("quantization_config")
    if isinstance(stated, Mapping):
        return _stored(cast("Mapping[str, Any]", stated))
    if quantization in ("fp8", "fp8_per_tensor"):
        return Layout("fp8", 8, parts=PARTS, compute="fp8", method="fp8")
    if quantization not in (None, "auto"):
        raise ConfigError(
            f"quantization {quantization!r} of a checkpoint without quantization_config: only fp8 quantizes "
            "while loading; give the checkpoint's quantization_config"
        )
    dtype = str(config.get("torch_dtype") or config.get("dtype") or "bfloat16")
    return Layout(UNQUANTIZED.get(dtype.removeprefix("torch."), "bf16"))


def _stored(stated: Mapping[str, Any]) -> Layout:
    method = str(stated.get("quant_method") or stated.get("quant_algo") or "").lower().replace("_", "-")
    match method:
        case "fp8":
            return _fp8(stated)
        case "fbgemm-fp8":
            return Layout("fp8-fbgemm", 8, -1, 32, parts=_parts(stated), compute="fp8", method="fbgemm_fp8")
        case "compressed-tensors":
            return _compressed(stated)
        case "awq":
            return _integer("awq", stated, zeros=bool(stated.get("zero_point", True)))
        case "gptq" | "auto-round" | "intel/auto-round" | "gptqmodel":
            return _integer("gptq", stated, zeros=not stated.get("sym", True))
        case "mxfp4":
            return Layout("mxfp4", 4, 32, 8, parts=("experts",), compute="bf16", method="mxfp4")
        case "modelopt" | "modelopt-fp4" | "nvfp4" | "fp8-modelopt" | "modelopt-mixed":
            return _modelopt(stated)
        case _:
            raise ConfigError(
                f"quantization_config.quant_method {stated.get('quant_method')!r} is not known; "
                f"known are {KNOWN}"
            )


def _fp8(stated: Mapping[str, Any]) -> Layout:
    block = stated.get("weight_block_size")
    if block:
        return Layout(
            "fp8-block",
            8,
            int(block[0]),
            32,
            parts=_parts(stated),
            compute="fp8",
            method="fp8",
            block=int(block[0]),
        )
    return Layout("fp8", 8, parts=_parts(stated), compute="fp8", method="fp8")


def _compressed(stated: Mapping[str, Any]) -> Layout:
    groups = cast("Mapping[str, Mapping[str, Any]]", stated.get("config_groups") or {})
    scheme = next(iter(groups.values()), None)
    if scheme is None:
        raise ConfigError("quantization_config of compressed-tensors has no config_groups")
    weights = cast("Mapping[str, Any]", scheme.get("weights") or {})
    inputs = cast("Mapping[str, Any] | None", scheme.get("input_activations"))
    bits, kind = int(weights.get("num_bits", 8)), weights.get("type", "int")
    strategy, group = weights.get("strategy"), int(weights.get("group_size") or 0)
    parts = tuple(p for p in _parts(stated) if _targeted(p, scheme.get("targets")))
    cache = "fp8" if stated.get("kv_cache_scheme") else None
    if kind == "float" and bits == 4:
        return Layout(
            "nvfp4",
            4,
            group or 16,
            8,
            parts=parts,
            compute="fp4",
            method="compressed-tensors",
            kv_cache_dtype=cache,
        )
    if kind == "float":
        if strategy == "block":
            block = int((weights.get("block_structure") or [128])[0])
            return Layout(
                "fp8-block",
                8,
                block,
                32,
                parts=parts,
                compute="fp8",
                method="compressed-tensors",
                block=block,
                kv_cache_dtype=cache,
            )
        per_row = strategy == "channel"
        return Layout(
            "fp8-dynamic" if per_row else "fp8",
            8,
            -1 if per_row else 0,
            32 if per_row else 0,
            parts=parts,
            compute="fp8",
            method="compressed-tensors",
            kv_cache_dtype=cache,
        )
    if bits == 8 and inputs is not None:
        return Layout(
            "w8a8", 8, -1, 32, parts=parts, compute="int8", method="compressed-tensors", kv_cache_dtype=cache
        )
    zeros = 0 if weights.get("symmetric", True) else bits
    return Layout(
        f"w{bits}a16",
        bits,
        group if strategy == "group" else -1,
        16,
        zeros,
        parts,
        method="compressed-tensors",
        kv_cache_dtype=cache,
    )


def _integer(name: str, stated: Mapping[str, Any], *, zeros: bool) -> Layout:
    bits = int(stated.get("bits") or stated.get("w_bit") or 4)
    group = int(stated.get("group_size") or stated.get("q_group_size") or 128)
    parts = _parts(stated)
    if stated.get("lm_head"):
        parts = (*parts, "head")
    return Layout(
        name if bits == 4 else f"{name}-int{bits}", bits, group, 16, bits if zeros else 0, parts, method=name
    )


def _modelopt(stated: Mapping[str, Any]) -> Layout:
    inner = stated.get("quantization")
    stated = {**stated, **inner} if isinstance(inner, Mapping) else stated
    algorithm = str(stated.get("quant_algo") or "NVFP4").upper()
    cache = "fp8" if "FP8" in str(stated.get("kv_cache_quant_algo") or "") else None
    if algorithm.startswith("FP8"):
        return Layout(
            "fp8-modelopt", 8, parts=_parts(stated), compute="fp8", method="modelopt", kv_cache_dtype=cache
        )
    return Layout(
        "nvfp4", 4, 16, 8, parts=_parts(stated), compute="fp4", method="modelopt_fp4", kv_cache_dtype=cache
    )


def _parts(stated: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts that no exception of the layout names."""
    names = ("ignore", "modules_to_not_convert", "ignored_layers", "exclude_modules")
    exceptions = [str(each) for name in names for each in (stated.get(name) or ())]
    return tuple(part for part in PARTS if not _all_match(part, exceptions))


def _targeted(part: str, targets: object) -> bool:
    """Whether a scheme of compressed-tensors is for this part; most are for every linear."""
    wanted = [str(each) for each in cast("list[object]", targets)] if isinstance(targets, list) else []
    return not wanted or "Linear" in wanted or _all_match(part, wanted)


def _all_match(part: str, patterns: list[str]) -> bool:
    return any(all(_matches(LAYER + name, patterns) for name in family) for family in EXAMPLES[part])


def _matches(name: str, patterns: list[str]) -> bool:
    for pattern in patterns:
        if pattern.startswith("re:"):
            if re.match(pattern.removeprefix("re:"), name):
                return True
        elif "*" in pattern:
            if re.fullmatch(re.escape(pattern).replace(r"\*", ".*") + r"(\..*)?", name):
                return True
        elif pattern == name or f".{pattern}." in f".{name}.":
            return True
    return False
