"""How much of the peak rates kernels reach, and what a step costs beside them: fitted on measurements."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from ..memory.versions import minor
from ..replica import Replica, Silicon

ASYNCHRONOUS = 14
"""Minor release of vLLM from which the host schedules a step while the GPU runs the one before."""
FULL_GRAPHS = 11
"""Minor release of vLLM from which a decode step is one CUDA graph; before, the host launched attention."""


Situation = Literal["measured", "by class", "unmeasured"]
"""Whether measurements show the GPU with such matrices, only the GPU, or neither."""


@dataclass(frozen=True, eq=False)
class Constants:
    """Parts of peak rates and seconds. `*_of` multiply by trait: generation, form, precision, release.

    A trait that no measurement shows stands near 1: the fit pulls every factor there.
    """

    bandwidth: float
    """Part of the memory bandwidth at which weights are read."""
    bandwidth_of: Mapping[str, float]
    compute: float
    """Part of the peak rate that products of many tokens reach."""
    compute_of: Mapping[str, float]
    cache_bandwidth: float
    """Part of the memory bandwidth at which attention reads the KV cache."""
    attention_compute: float
    """Part of the 16-bit peak rate that attention reaches."""
    expert_spread: float
    """Exponent on the tokens that pick experts: below 1 where tokens of a batch agree more than chance."""
    step_s: float
    """Of every step: scheduler, sampler, hand-over."""
    kernel_s: float
    """Of every kernel, what no overlap hides."""
    sequence_s: float
    """Of every request in a step: sampling, bookkeeping, detokenizing."""
    overhead_of: Mapping[str, float]
    nvlink: float
    """Part of the link rate that an all-reduce reaches."""
    nvlink_s: float
    """Of every all-reduce."""
    pcie: float
    pcie_s: float
    request_s: float
    """Of every request before its first step: HTTP, tokenizer, hand-over."""
    prompt_token_s: float
    """The same for each token of its prompt."""
    first_wave: float
    """Part of a closed loop's requests that arrive all together, at the start."""
    queue: float
    """Waiting of a prompt behind others, against that of random arrivals."""
    synchronised: float
    """Prompts that a prompt finds before it because clients of a closed loop fall into step."""


@dataclass(frozen=True, slots=True)
class Known:
    """What measurements stand behind an estimate."""

    rows: Mapping[str, int]
    """Rows by "GPU kind of matrices"."""
    factors: Mapping[str, tuple[float, float]]
    """By figure: factors of the estimate between which eight in ten measurements of a new source lie."""
    wider: Mapping[Situation, float]
    """Exponents on the factors."""


@cache
def fitted() -> tuple[Constants, Known]:
    """The constants that the project ships, written by `python -m benchmarks.calibrate_speed`."""
    data = json.loads(
        files("inference_stack.planner.speed").joinpath("constants.json").read_text(encoding="utf-8")
    )
    return Constants(**data["constants"]), Known(data["rows"], data["factors"], data["wider"])


def traits(silicon: Silicon) -> tuple[str, ...]:
    """What constants tell apart about a GPU."""
    return (silicon.generation, "PCIe") if is_pcie(silicon) else (silicon.generation,)


def is_pcie(silicon: Silicon) -> bool:
    """Whether the card is a PCIe card, with less power than the SXM module of its chip."""
    return any(form in silicon.gpu for form in ("PCIe", "NVL", "L4", "RTX", "A10-", "T4"))


def factor(of: Mapping[str, float], found: tuple[str, ...]) -> float:
    """Product of the factors of the traits that have one."""
    product = 1.0
    for trait in found:
        product *= of.get(trait, 1.0)
    return product


def era(replica: Replica) -> str:
    """How the engine runs a decode step: kernel by kernel, as one graph, or that and scheduled ahead."""
    engine = replica.engine
    if engine.enforce_eager or minor(engine.version) < FULL_GRAPHS:
        return "launched"
    return "asynchronous" if minor(engine.version) >= ASYNCHRONOUS else "graphs"
