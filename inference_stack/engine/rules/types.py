"""Whether each value is of a type, among the values and within the bounds that vLLM declares."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from inference_stack.engine.arguments import IN_WORDS, Argument, EngineVersion, Kind, departed
from inference_stack.spec import Severity

from .reading import as_flag, as_integer, as_number
from .rule import EngineUse, Fault, rule

UNCOERCED = frozenset(
    [
        "data_parallel_size",
        "data_parallel_size_local",
        "max_num_batched_tokens",
        "max_num_seqs",
        "nnodes",
        "pipeline_parallel_size",
    ]
)
"""Numbers that vLLM compares before anything reads a string as one."""
WHOLE = ("max_cudagraph_capture_size",)
"""Whole numbers that nothing reads as such before vLLM counts with them: 8.0 and '8' are none."""
NULL_TAKEN = frozenset(
    [
        "enable_mm_embeds",
        "interleave_mm_strings",
        "limit_mm_per_prompt",
        "media_io_kwargs",
        "mm_encoder_fp8_scale_save_margin",
        "mm_encoder_only",
        "mm_encoder_tp_mode",
        "mm_hasher_algorithm",
        "mm_ipc_gpu_memory_gb",
        "mm_processor_cache_gb",
        "mm_processor_device",
        "mm_shm_cache_max_object_size_mb",
        "mm_tensor_ipc",
        "reasoning_parser",
        "skip_mm_profiling",
        "video_pruning_method",
    ]
)
"""Arguments where null means the default although their type does not say so."""
READ_WITH_LORA = frozenset(
    [
        "fully_sharded_loras",
        "lora_dtype",
        "lora_target_modules",
        "enable_tower_connector_lora",
        "max_cpu_loras",
        "max_lora_rank",
        "max_loras",
        "specialize_active_lora",
        "enable_mixed_moe_lora_format",
        "enable_moe_shared_loras",
    ]
)
"""Arguments that vLLM looks at only where LoRA is on."""

TEXT_TOO = frozenset(("linear", "moe", "mode", "cudagraph_mode", "rms_norm", "fused_add_rms_norm"))
"""Fields of objects that vLLM also reads from text: names of formats and modes, lists with commas."""
CLOSED = ("lora_dtype",)
"""Arguments that beside their known values take a type of torch, which no file can hold."""
COMPILATION_MODES = ("NONE", "STOCK_TORCH_COMPILE", "DYNAMO_TRACE_ONCE", "VLLM_COMPILE")
"""Names of compilation_config.mode, beside its numbers."""
ENTRIES: Mapping[str, Kind] = {
    "default_mm_loras": "string",
    "media_io_kwargs": "object",
    "model_class_overrides": "string",
    "pt_load_map_location": "string",
}
"""Objects with any fields, and of what type these are."""

MATCHES: Mapping[str, Callable[[Any], bool]] = {
    "boolean": lambda value: as_flag(value) is not None,
    "integer": lambda value: as_integer(value) is not None,
    "number": lambda value: as_number(value) is not None,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: (
        isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)
    ),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}
"""What pydantic takes for each type of JSON where it is not strict: '8' and 8.0 for 8, 'yes' for true."""


def declared(use: EngineUse) -> Iterator[tuple[str, Argument, Any]]:
    """Every argument that is known and looked at, with its value, and whatever stands inside its objects."""
    lora = bool(use.arguments.get("enable_lora"))
    for name, value in use.arguments.items():
        argument = use.version.engine.get(name)
        if argument is None or (name in READ_WITH_LORA and not lora):
            continue
        yield name, argument, value
        yield from _inside(name, argument, value)


def _inside(path: str, argument: Argument, value: Any) -> Iterator[tuple[str, Argument, Any]]:
    if not argument.fields or not isinstance(value, Mapping):
        return
    for key, inner in cast("Mapping[str, Any]", value).items():
        field = argument.fields.get(key)
        if field is not None:
            yield f"{path}.{key}", field, inner
            yield from _inside(f"{path}.{key}", field, inner)


def fits(argument: Argument, value: Any) -> bool:
    """Whether the type is one that vLLM takes here."""
    if value is None:
        return argument.default is None or "null" in argument.kinds or argument.name in NULL_TAKEN
    if isinstance(value, str) and argument.name in UNCOERCED:
        return False
    if argument.name in WHOLE:
        return isinstance(value, int)
    if isinstance(value, str) and argument.name in TEXT_TOO:
        return True
    return not argument.kinds or any(MATCHES[kind](value) for kind in argument.kinds)


def listed(argument: Argument, value: Any) -> bool:
    """Whether it is among the values, where these are the only ones."""
    if argument.name in CLOSED:
        return value is None or value in argument.known
    if not argument.values or value is None:
        return True
    if argument.name == "mode" and isinstance(value, str):
        return value.upper() in COMPILATION_MODES
    if isinstance(value, str) and (argument.any_case or argument.coerced):
        folded = {str(one).lower() for one in argument.values}
        return value.lower() in folded or value.lower().replace("-", "_") in folded
    return any(value == one and isinstance(value, bool) <= isinstance(one, bool) for one in argument.values)


def within(argument: Argument, value: float) -> bool:
    """Whether a number is within the bounds."""
    return (
        (argument.minimum is None or value >= argument.minimum)
        and (argument.maximum is None or value <= argument.maximum)
        and (argument.above is None or value > argument.above)
        and (argument.below is None or value < argument.below)
    )


def bounds(argument: Argument) -> str:
    """The bounds in words."""
    said = (
        ("at least", argument.minimum),
        ("more than", argument.above),
        ("at most", argument.maximum),
        ("less than", argument.below),
    )
    return ", ".join(f"{word} {bound:g}" for word, bound in said if bound is not None)


def _joined(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


@rule(
    "wrong-type",
    Severity.ERROR,
    states="A value is of a type that vLLM takes for its argument.",
    reference="vLLM: vllm/config/*.py, read by pydantic; some compared before, in vllm/engine/arg_utils.py",
)
def argument_type(use: EngineUse) -> Iterator[Fault]:
    """Wrong types, of arguments and of what stands inside their objects."""
    for path, argument, value in declared(use):
        kinds = [kind for kind in argument.kinds if kind != "null"]
        allowed = " or ".join(IN_WORDS[kind] for kind in kinds)
        if not fits(argument, value):
            yield Fault(path, "vLLM takes no value of this type here", given=repr(value), allowed=allowed)
        elif argument.item_kinds and isinstance(value, Sequence) and not isinstance(value, str):
            for index, item in enumerate(cast("Sequence[Any]", value)):
                if not any(MATCHES[kind](item) for kind in argument.item_kinds):
                    yield Fault(
                        f"{path}[{index}]",
                        "vLLM takes no entry of this type here",
                        given=repr(item),
                        allowed=" or ".join(IN_WORDS[kind] for kind in argument.item_kinds),
                    )
        elif argument.name in ENTRIES and isinstance(value, Mapping):
            kind = ENTRIES[argument.name]
            for key, item in cast("Mapping[str, Any]", value).items():
                if not MATCHES[kind](item):
                    yield Fault(
                        f"{path}.{key}",
                        "vLLM takes no value of this type here",
                        given=repr(item),
                        allowed=IN_WORDS[kind],
                    )


@rule(
    "value-not-allowed",
    Severity.ERROR,
    states="An argument with a closed set of values has one of them.",
    reference="vLLM: Literal and Enum types in vllm/config/*.py",
)
def argument_value(use: EngineUse) -> Iterator[Fault]:
    """Values outside a closed set."""
    for path, argument, value in declared(use):
        if fits(argument, value) and not listed(argument, value):
            yield Fault(
                path,
                "vLLM knows no such value here",
                given=repr(value),
                allowed=_joined(argument.values or argument.known),
            )
        elif argument.items and isinstance(value, Sequence) and not isinstance(value, str):
            for index, item in enumerate(cast("Sequence[Any]", value)):
                if isinstance(item, str) and item not in argument.items:
                    yield Fault(
                        f"{path}[{index}]",
                        "vLLM knows no such entry here",
                        given=repr(item),
                        allowed=_joined(argument.items),
                    )


@rule(
    "out-of-range",
    Severity.ERROR,
    states="A number is within the bounds that vLLM declares for its argument.",
    reference="vLLM: ge, gt, le and lt of the fields in vllm/config/*.py",
)
def argument_bounds(use: EngineUse) -> Iterator[Fault]:
    """Numbers beyond their bounds."""
    for path, argument, value in declared(use):
        if not {"integer", "number"} & set(argument.kinds) or argument.values or not fits(argument, value):
            continue
        found = as_number(value)
        if found is not None and not within(argument, found):
            yield Fault(path, "beyond the bounds that vLLM sets", given=repr(value), allowed=bounds(argument))


@rule(
    "argument-field",
    Severity.ERROR,
    states="An object holds only fields that vLLM declares for it.",
    reference="vLLM 0.29.0: extra='forbid' in vllm/config/utils.py, config()",
)
def argument_field(use: EngineUse) -> Iterator[Fault]:
    """Fields of objects that vLLM does not know."""
    for name, value in use.arguments.items():
        argument = use.version.engine.get(name)
        if argument is not None:
            yield from _unknown(use.version, name, argument, value)


def _unknown(version: EngineVersion, path: str, argument: Argument, value: Any) -> Iterator[Fault]:
    if not argument.fields or not isinstance(value, Mapping):
        return
    for key, inner in cast("Mapping[str, Any]", value).items():
        field = argument.fields.get(key)
        if field is None:
            allowed = _joined(sorted(argument.fields))
            gone = departed(f"{path}.{key}", version)
            what = f"vLLM knows no such field of {path}" + (f" since {gone.version}" if gone else "")
            yield Fault(f"{path}.{key}", what, allowed=allowed, remedy=gone.remedy if gone else None)
        else:
            yield from _unknown(version, f"{path}.{key}", field, inner)


TYPE_RULES = (argument_type, argument_value, argument_bounds, argument_field)
