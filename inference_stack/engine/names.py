"""Names of vLLM's arguments: which of them it knows, and what somebody may have meant by one it does not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from inference_stack.engine.arguments import engine_version
from inference_stack.spec import Finding, Severity

from .schema import joined, near

Taker = Literal["ray", "engine"]
"""Who takes a dict of arguments: Ray Serve LLM's engine_kwargs, or vLLM's own AsyncEngineArgs.

Ray passes on what belongs to the server in front as well; AsyncEngineArgs knows the engine's alone."""

FOREIGN = {
    "chunked_prefill_size": "max_num_batched_tokens",
    "context_length": "max_model_len",
    "max_batch_prefill_tokens": "max_num_batched_tokens",
    "max_concurrent_requests": "max_num_seqs",
    "max_running_requests": "max_num_seqs",
    "max_total_tokens": "max_model_len",
    "mem_fraction_static": "gpu_memory_utilization",
    "model_id": "model",
    "model_path": "model",
    "num_shard": "tensor_parallel_size",
    "tp": "tensor_parallel_size",
    "tp_size": "tensor_parallel_size",
    "dp_size": "data_parallel_size",
    "pp_size": "pipeline_parallel_size",
}
"""What other engines (SGLang, Text Generation Inference) call what vLLM has under another name."""


def name_findings(
    version: str, arguments: Mapping[str, Any], *, taker: Taker = "ray", path: str = ""
) -> Iterator[Finding]:
    """A finding on each name of a dict that is no argument's whole name: a dict takes no part of one."""
    known = dict_names(version, taker)
    for name, value in arguments.items():
        if name not in known:
            yield _unknown(version, joined(path, name), str(value), near_name(name, known))


def dict_names(version: str, taker: Taker = "ray") -> Iterable[str]:
    """The names that a dict may hold."""
    found = engine_version(version)
    return found.arguments if taker == "ray" else found.engine


def unknown_option(version: str, written: str, given: str | None) -> Finding:
    """The finding on an option that names no argument."""
    flags = [flag for argument in engine_version(version).options.values() for flag in argument.flags]
    bare = written.lstrip("-")
    dashes = [f"{dashes}{bare}" for dashes in ("-", "--") if f"{dashes}{bare}" in flags]
    if dashes:
        allowed = f"did you mean {dashes[0]}?"
    else:
        meant = near_name(bare.replace("-", "_"), engine_version(version).options)
        allowed = meant.replace("_", "-").replace("did you mean ", "did you mean --")
    return _unknown(version, written, given, allowed)


def abbreviated_option(version: str, written: str, flag: str) -> Finding:
    """The finding on an option that was cut short, which vLLM reads as another."""
    return Finding(
        code="abbreviated-argument",
        severity=Severity.NOTE,
        path=written,
        what=f"vLLM {version} reads this as {flag}; as soon as another option begins so, it refuses it",
        allowed=flag,
    )


def near_name(name: str, known: Iterable[str]) -> str:
    """What an unknown name was probably meant to be."""
    names = set(known)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    if (foreign := FOREIGN.get(snake)) in names:
        return f"did you mean {foreign}?"
    if snake in names:
        return f"did you mean {snake}?"
    return near(snake, names)


def _unknown(version: str, path: str, given: str | None, allowed: str) -> Finding:
    return Finding(
        code="unknown-argument",
        path=path,
        given=given,
        what=f"vLLM {version} has no argument of this name",
        allowed=allowed,
    )
