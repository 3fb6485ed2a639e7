"""Names of vLLM's arguments: which of them it knows, and what somebody may have meant by one it does not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from inference_stack.engine.arguments import Argument, departed, engine_version
from inference_stack.spec import Finding, Severity

from .schema import joined, near

NAME = re.compile(r"(?<![-\w.])[a-z]\w*_\w*")
"""What in a text may be the name of an argument: words with an underscore."""

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


CODES = {"removed": "unknown-removed-argument", "renamed": "unknown-renamed-argument"}
"""The code of a name that an earlier release of vLLM took."""


def name_findings(
    version: str, arguments: Mapping[str, Any], *, taker: Taker = "ray", path: str = ""
) -> Iterator[Finding]:
    """A finding on each name of a dict that is no argument's whole name: a dict takes no part of one."""
    known = dict_names(version, taker)
    for key, value in arguments.items():
        # YAML has keys that are no text: 1, null.
        if (name := str(key)) not in known:
            yield _unknown(version, name, joined(path, name), str(value), near_name(name, known))


def dict_names(version: str, taker: Taker = "ray") -> Iterable[str]:
    """The names that a dict may hold."""
    found = engine_version(version)
    return found.arguments if taker == "ray" else found.engine


def unknown_option(version: str, written: str, given: str | None) -> Finding:
    """The finding on an option that names no argument."""
    options = engine_version(version).options
    flags = {flag for argument in options.values() for flag in argument.flags}
    bare = written.lstrip("-")
    name = bare.replace("-", "_")
    meant = next((flag for flag in (f"-{bare}", f"--{bare}") if flag in flags), None)
    near = f"did you mean {meant}?" if meant else near_name(name, options)
    return _as_options(_unknown(version, name.removeprefix("no_"), written, given, near), options)


def abbreviated_option(version: str, written: str, flag: str) -> Finding:
    """The finding on an option that was cut short, which vLLM reads as another."""
    if gone := departed(written.lstrip("-").replace("-", "_"), engine_version(version)):
        finding = Finding(
            code="abbreviation-misread",
            path=written,
            what=f"vLLM {version} has no argument of this name since {gone.version}, and reads it as {flag}",
            remedy=gone.remedy,
            reference=gone.source,
        )
        return _as_options(finding, engine_version(version).options)
    return Finding(
        code="abbreviated-argument",
        severity=Severity.NOTE,
        path=written,
        what=f"vLLM {version} reads this as {flag}, until another option begins with it",
        allowed=flag,
    )


def ambiguous_option(version: str, written: str, flags: Iterable[str]) -> Finding:
    """The finding on an option that was cut short so far that it may be several."""
    gone = departed(written.lstrip("-").replace("-", "_"), engine_version(version))
    finding = Finding(
        code="unknown-ambiguous-argument",
        path=written,
        what=f"vLLM {version} cannot tell which option this is cut short from",
        allowed=", ".join(flags),
        remedy=gone.remedy if gone else None,
    )
    return _as_options(finding, engine_version(version).options)


def near_name(name: str, known: Iterable[str]) -> str:
    """What an unknown name was probably meant to be."""
    names = set(known)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    if (meant := FOREIGN.get(snake, snake)) in names:
        return f"did you mean {meant}?"
    return near(snake, names)


def _unknown(version: str, name: str, path: str, given: str | None, allowed: str) -> Finding:
    gone = departed(name, engine_version(version))
    code = CODES[gone.kind] if gone else "unknown-argument"
    what = f"vLLM {version} has no argument of this name"
    return Finding(
        code=code,
        path=path,
        given=given,
        what=f"{what}: the last that had it is {gone.until}" if gone else what,
        allowed=None if gone else allowed,
        remedy=gone.remedy if gone else None,
        reference=gone.source if gone else None,
    )


def _as_options(finding: Finding, options: Mapping[str, Argument]) -> Finding:
    """The same finding, in which arguments are written as options of the command line."""

    def dashed(text: str | None) -> str | None:
        return text and NAME.sub(
            lambda match: options[match[0]].flags[0] if match[0] in options else match[0], text
        )

    return finding.model_copy(update={"allowed": dashed(finding.allowed), "remedy": dashed(finding.remedy)})
