"""vLLM's arguments as a source gives them: what an environment says of each, if anything."""

from collections.abc import Mapping
from typing import Any

from inference_stack.catalog import ModelRow
from inference_stack.engine.arguments import engine_version
from inference_stack.engine.names import name_findings
from inference_stack.engine.rules.llm_config import HTTP_SERVER, SET_BY_RAY
from inference_stack.planner.engine_arguments import NOT_PLANNED

from .keys import text_of
from .served import Served

PLANNED = {
    "device": "the plan knows the device",
    "gpu_memory_utilization": "the plan, which counts on vLLM's default",
}
"""Arguments that the plan alone decides."""

SERVED = frozenset(
    (
        *("model", "served_model_name", "max_model_len", "max_num_seqs"),
        *("tensor_parallel_size", "pipeline_parallel_size"),
        *("enable_lora", "max_loras", "max_lora_rank", "lora_modules"),
    )
)
"""Arguments that other keys of a model say."""

SYNONYMS = {("dtype", "half"): "float16"}
"""Values that an environment spells otherwise."""

SECRETS = frozenset(("api_key", "hf_token"))
"""Arguments whose values nobody should read again."""


def engine_keys(served: Served, row: ModelRow | None, to: str, version: str) -> dict[str, Any]:
    """What of the arguments goes into `engine` of a model, and what becomes of the others."""
    refused = {finding.path: finding for finding in name_findings(version, served.arguments)}
    carried: dict[str, Any] = {}
    keys = served.keys
    for name, value in served.arguments.items():
        path = served.places[name]
        given = None if name in SECRETS else text_of(value)
        if name in SERVED or _said_otherwise(name, value, row, served):
            continue
        if name == "dtype" and value == "auto":
            keys.derive(path, "vLLM, whose default it is")
        elif name in PLANNED:
            keys.derive(path, PLANNED[name])
        elif name in HTTP_SERVER:
            keys.leave(path, "Ray Serve answers HTTP itself, and does not read this", given=given)
        elif name in SET_BY_RAY:
            keys.leave(path, "Ray Serve LLM sets this itself", given=given)
        elif name in engine_version(version).serve:
            keys.leave(path, "this is for `vllm serve`, which this stack does not start", given=given)
        elif name in NOT_PLANNED:
            why = f"not planned yet: the planner does not know {NOT_PLANNED[name]}"
            keys.leave(path, why, given=given)
        elif name in refused:
            keys.leave(path, refused[name].what, given=given, remedy=refused[name].allowed)
        else:
            carried[name] = SYNONYMS.get((name, str(value)), value)
            keys.carry(path, f"{to}.engine.{name}")
    return carried


def _said_otherwise(name: str, value: object, row: ModelRow | None, served: Served) -> bool:
    """Whether an argument goes without saying, or another key of the model says it."""
    if name == "quantization":
        return value is None or (row is not None and _quantized(row, value))
    return name == "kv_transfer_config" and served.prefill is not None


def _quantized(row: ModelRow, value: object) -> bool:
    return value == row.layout.method or (row.layout.method is None and value == "fp8")


def whole(arguments: Mapping[str, Any], name: str) -> int | None:
    """A whole number above zero, if an argument is one."""
    value = arguments.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
