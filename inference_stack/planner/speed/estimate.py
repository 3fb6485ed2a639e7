"""Speed of a replica under a load, with ranges, the bottleneck, and what the figures rest on."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import sqrt

from ..replica import Replica
from .capacity import running_requests
from .constants import Constants, Situation, fitted
from .load import Load, Range, Speed
from .pace import Pace, pace
from .service import Limits, Served, serve
from .work import Mixture, work

CACHE_ERROR = 1.25
"""By how much the requests that fit may differ from the memory plan: settings that a load does not state."""


def speed(replica: Replica, load: Load, split_stated: bool = True, replicas: int = 1) -> Speed:
    """TTFT, TPOT and throughput of a replica, or throughput of several equal ones with this load on each.

    A model that does not fit is answered as if one request ran at a time; `memory` says that it does not.
    Where nobody stated how GPUs are split into replicas, one of them might read all prompts for the others,
    and fewer, wider ones decode: TTFT then ranges up by the number of replicas, TPOT down by its root.
    """
    constants, known = fitted()
    running = running_requests(replica, load.prompt_tokens, load.output_tokens)
    limits = Limits(running, replica.engine.max_num_batched_tokens)
    served, around = bracketed(_pace(replica), load, limits, constants)
    output, apart = load.output_tokens, 1 if split_stated else replicas
    width = known.wider[situation(replica, known.rows)]
    first, each, both = (known.factors[name] for name in ("ttft", "tpot", "throughput"))
    seen = (served, *around)
    return Speed(
        ttft_ms=_range([one.ttft_s * 1e3 for one in seen], first, width, above=apart),
        tpot_ms=_range([one.tpot_s * 1e3 for one in seen], each, width, below=sqrt(apart)),
        output_tok_s=_range([one.output_tok_s(output) * replicas for one in seen], both, width),
        bottleneck=bottleneck(served, output),
        calibration=_calibration(replica),
        batch=served.batch,
    )


def bracketed(
    paced: Pace, load: Load, limits: Limits, constants: Constants
) -> tuple[Served, tuple[Served, ...]]:
    """The estimate, and where the KV cache may bind, those with less and more room in it."""
    served = serve(paced, load, limits, constants)
    if served.in_system * CACHE_ERROR <= limits.requests:
        return served, ()
    rooms = (max(1.0, limits.requests / CACHE_ERROR), limits.requests * CACHE_ERROR)
    return served, tuple(serve(paced, load, Limits(room, limits.step_tokens), constants) for room in rooms)


@lru_cache(maxsize=16384)
def _pace(replica: Replica) -> Pace:
    return pace(replica, fitted()[0])


def _range(
    values: Sequence[float], factors: tuple[float, float], width: float, below: float = 1, above: float = 1
) -> Range:
    low, high = factors
    return Range(values[0], min(values) * low**width / below, max(values) * high**width * above)


def bottleneck(served: Served, output_tokens: float) -> str:
    """What takes most of a request's life; memory where requests wait for room in the KV cache."""
    if served.in_system > served.batch:
        return "memory"
    step = served.decode
    spent = {
        "decode bandwidth": step.reading,
        "decode compute": step.computing,
        "interconnect": step.talking,
        "overhead": step.overhead,
        "prefill compute": served.prompts_s + served.ttft_s / output_tokens,
    }
    return max(spent, key=lambda name: spent[name])


def situation(replica: Replica, rows: Mapping[str, int]) -> Situation:
    """How much measurements say about a replica. None shows a MIG slice."""
    unit = replica.silicon
    if unit.profile is None and rows.get(f"{unit.gpu} {kind(replica)}"):
        return "measured"
    if unit.profile is None and any(row.startswith(f"{unit.gpu} ") for row in rows):
        return "by class"
    return "unmeasured"


def _calibration(replica: Replica) -> str:
    rows = fitted()[1].rows
    unit, found = replica.silicon, kind(replica)
    if unit.profile is not None:
        return f"physics alone: no public measurement of a MIG slice; {unit.gpu} cut to {unit.profile}"
    match situation(replica, rows):
        case "measured":
            return f"fitted: {rows[f'{unit.gpu} {found}']} measurements on {unit.gpu}, {found}"
        case "by class":
            others = sum(count for row, count in rows.items() if row.startswith(f"{unit.gpu} "))
            return f"by class: {others} measurements on {unit.gpu}, none of {found}"
        case "unmeasured":
            return f"physics and class: no public measurement on {unit.gpu}"


def kind(replica: Replica) -> str:
    """How the matrices with most bytes are multiplied, and whether they are experts: both pick kernels."""
    asked = work(replica)
    most = max((*asked.products, *asked.mixtures), key=lambda part: part.read_bytes)
    return f"{most.precision} experts" if isinstance(most, Mixture) else most.precision
