"""vLLM's own counters, read where Prometheus would read them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from .serving_client import Answer

SERIES = {
    "prompt_tokens": "ray_vllm_prompt_tokens_total",
    "answer_tokens": "ray_vllm_generation_tokens_total",
    "queried_tokens": "ray_vllm_prefix_cache_queries_total",
    "hit_tokens": "ray_vllm_prefix_cache_hits_total",
    "steps": "ray_vllm_iteration_tokens_total_count",
    "drafted_tokens": "ray_vllm_spec_decode_num_draft_tokens_total",
    "accepted_tokens": "ray_vllm_spec_decode_num_accepted_tokens_total",
}
"""What vLLM calls `vllm:…`, under the names that Ray exports."""
ENOUGH = 0.85
"""Part of the tokens of the answers that must have been counted."""
SETTLED_S = 60.0
"""How long the exported series may lag behind the answers; Ray collects them every second here."""


@dataclass(frozen=True)
class Counts:
    """What the replicas of a model have counted since they started."""

    prompt_tokens: float = 0
    answer_tokens: float = 0
    queried_tokens: float = 0
    hit_tokens: float = 0
    steps: float = 0
    drafted_tokens: float = 0
    accepted_tokens: float = 0

    @classmethod
    def read(cls, text: str, model: str) -> Self:
        """From the text of an exporter, of all replicas of a model together."""
        names = {series: field for field, series in SERIES.items()}
        counted: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in names and sample.labels.get("model_name") == model:
                    counted[names[sample.name]] = counted.get(names[sample.name], 0) + sample.value
        return cls(**counted)

    @property
    def steps_per_token(self) -> float:
        """Steps of the engine for each token of an answer."""
        return self.steps / self.answer_tokens

    def __sub__(self, earlier: "Counts") -> "Counts":
        """What was counted since."""
        return Counts(**{field: getattr(self, field) - getattr(earlier, field) for field in SERIES})


class Counters:
    """The exporter of one Ray."""

    def __init__(self, address: str) -> None:
        """`address` is the one that Prometheus scrapes."""
        self._address = address

    def now(self, model: str) -> Counts:
        """As exported now."""
        return Counts.read(httpx2.get(self._address, timeout=SETTLED_S).text, model)

    def since(self, before: Counts, model: str, answers: Sequence[Answer]) -> Counts:
        """What these answers have added; waits until it is exported. Raises TimeoutError.

        A busy machine may lose what Ray exports within a second or two, so some may be missing: compare
        only counts of one call with one another.
        """
        tokens = sum(each.tokens for each in answers)
        until, added = time.monotonic() + SETTLED_S, Counts()
        while time.monotonic() < until:
            added = self.now(model) - before
            if added.answer_tokens >= tokens:
                return added
            time.sleep(0.5)
        if added.answer_tokens >= ENOUGH * tokens:
            return added
        raise TimeoutError(f"{model} has counted {added.answer_tokens:.0f} of {tokens} tokens")
