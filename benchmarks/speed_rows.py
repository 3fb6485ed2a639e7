"""Public measurements of speed, each resolved into the replica and load that it was made on."""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from inference_stack.planner.case import CaseError
from inference_stack.planner.speed.capacity import running_requests
from inference_stack.planner.speed.estimate import kind
from inference_stack.planner.speed.question import Asked, parse

MEASUREMENTS = Path(__file__).parents[2] / "shared" / "data" / "throughput_measured.csv"


class Measured(NamedTuple):
    """One row: conditions, and what a client saw in seconds; None where the source does not say."""

    row: dict[str, str]
    asked: Asked
    ttft_s: float | None
    tpot_s: float | None
    batch_s: float | None
    """Static batches: the whole batch from start to end."""

    @property
    def id(self) -> str:
        """Of the row."""
        return self.row["id"]

    @property
    def pair(self) -> str:
        """Model and GPU: what is held out together."""
        return f"{self.row['model_hf_id']} on {self.row['gpu']}"

    @property
    def source(self) -> str:
        """Family of the source. Rows that only repeat InferenceX belong to it."""
        if (
            "matches InferenceX" in self.row["latency_stat"]
            or self.row["source_family"] == "InferenceX-export"
        ):
            return "InferenceX"
        return self.row["source_family"]

    @property
    def kind(self) -> str:
        """Precision of most of the weights, and whether they are experts."""
        return kind(self.asked.replica)


@cache
def measured() -> tuple[Sequence[Measured], Sequence[str]]:
    """Rows that can be judged, and why the others cannot: one sentence each.

    Judged: closed and open loops of medium or high trust with a TTFT.
    """
    found: list[Measured] = []
    left: list[str] = []
    for row in _rows():
        if row["trust"] == "low" or "burst" in row["load_mode"] or not row["ttft_ms_p50"]:
            continue
        try:
            found.append(_resolved(row))
        except CaseError as error:
            left.append(str(error))
    return tuple(found), tuple(left)


@cache
def static_batches() -> Sequence[Measured]:
    """Batches of mid-2024 that run from start to end together: they show the shape of decoding only.

    Left out: batches that the KV cache did not hold at once, and one model on one GPU whose times jump
    between batches of 16 and 32.
    """
    found: list[Measured] = []
    for row in _rows():
        if row["load_mode"] != "offline-static-batch" or row["trust"] == "low":
            continue
        one = _resolved(row)
        load, engine = one.asked.load, one.asked.replica.engine
        jumps = "Mistral-7B" in row["model_hf_id"] and "H100" in row["gpu"] and load.concurrency > 16
        if not jumps and load.concurrency <= engine.max_num_seqs and _holds(one):
            found.append(one)
    return tuple(found)


def _holds(one: Measured) -> bool:
    load = one.asked.load
    whole = load.prompt_tokens + load.output_tokens
    return running_requests(one.asked.replica, whole, 1) >= load.concurrency


def _rows() -> list[dict[str, str]]:
    with MEASUREMENTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _resolved(row: dict[str, str]) -> Measured:
    static = row["load_mode"] == "offline-static-batch"
    return Measured(
        row,
        parse([row])[0],
        None if static else _seconds(row["ttft_ms_p50"]),
        None if static else _seconds(row["tpot_ms_p50"]),
        _seconds(row["e2e_ms_p50"]) if static else None,
    )


def _seconds(milliseconds: str) -> float | None:
    return float(milliseconds) / 1e3 if milliseconds else None
