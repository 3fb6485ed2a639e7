"""Speed of a replica under a load, with ranges, the bottleneck, and what the figures rest on."""

from collections.abc import Sequence
from functools import lru_cache

from ..replica import Replica, Silicon
from .capacity import running_requests
from .constants import Constants, fitted
from .load import Load, Range, Speed
from .pace import Pace, pace
from .service import Limits, Served, serve
from .work import Precision, work

CACHE_ERROR = 1.25
"""By how much the requests that fit may differ from the memory plan: settings that a load does not state."""


def speed(replica: Replica, load: Load, split_stated: bool = True, replicas: int = 1) -> Speed:
    """TTFT, TPOT and throughput of a replica, or throughput of several equal ones with this load on each.

    A model that does not fit is answered as if one request ran at a time; `memory` says that it does not.
    Where nobody stated how GPUs are split into replicas, one of them might read all prompts for the others:
    TTFT then ranges up by the number of replicas.
    """
    constants, known = fitted()
    running = running_requests(replica, load.prompt_tokens, load.output_tokens)
    limits = Limits(running, replica.engine.max_num_batched_tokens)
    served, around = bracketed(_pace(replica), load, limits, constants)
    errors = known.errors["measured" if is_measured(replica.silicon) else "unmeasured"]
    output = load.output_tokens
    (below, above), apart = errors["ttft"], 1 if split_stated else replicas
    return Speed(
        ttft_ms=_range([one.ttft_s * 1e3 for one in (served, *around)], (below, above * apart)),
        tpot_ms=_range([one.tpot_s * 1e3 for one in (served, *around)], errors["tpot"]),
        output_tok_s=_range(
            [one.output_tok_s(output) * replicas for one in (served, *around)], errors["throughput"]
        ),
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


def _range(values: Sequence[float], error: tuple[float, float]) -> Range:
    return Range(values[0], min(values) * error[0], max(values) * error[1])


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


def is_measured(silicon: Silicon) -> bool:
    """Whether public measurements show this GPU whole and aggregated. None shows a slice."""
    return silicon.profile is None and any(row.startswith(f"{silicon.gpu} ") for row in fitted()[1].rows)


def _calibration(replica: Replica) -> str:
    rows = fitted()[1].rows
    unit, kind = replica.silicon, stored_precision(replica)
    found = rows.get(f"{unit.gpu} {kind}", 0)
    if unit.profile is not None:
        return f"physics alone: no public measurement of a MIG slice; {unit.gpu} cut to {unit.profile}"
    if found:
        return f"fitted: {found} measurements on {unit.gpu}, {kind}"
    others = sum(count for row, count in rows.items() if row.startswith(f"{unit.gpu} "))
    if others:
        return f"by class: {others} measurements on {unit.gpu}, none {kind}"
    return f"physics and class: no public measurement on {unit.gpu}"


def stored_precision(replica: Replica) -> Precision:
    """That of the matrices with most bytes."""
    asked = work(replica)
    return max((*asked.products, *asked.mixtures), key=lambda part: part.read_bytes).precision
