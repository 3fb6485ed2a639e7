"""How much an engine has to do, and how fast it answered of late: what vLLM tells of every step."""

import time
from collections.abc import Iterable
from typing import Any

from vllm.v1.metrics.loggers import StatLoggerBase

from .gpu_use import Gpus
from .latencies import Latencies
from .signals import ReplicaReport


class EngineLoad(StatLoggerBase):
    """Listens to an engine's steps. The gauges that vLLM exports say the same seconds later."""

    def __init__(self, *_of_vllm: Any) -> None:
        """An engine that has done no step yet."""
        self._running = 0
        self._waiting = 0
        self._kv_use = 0.0
        self._ttft, self._tpot = Latencies(), Latencies()
        self._gpus = Gpus()

    def record(self, scheduler_stats: Any, iteration_stats: Any, *_others: Any, **_more: Any) -> None:
        """Called by vLLM after each step, with what there is to tell of it."""
        if scheduler_stats is not None:
            self._running = scheduler_stats.num_running_reqs
            self._waiting = scheduler_stats.num_waiting_reqs + scheduler_stats.num_skipped_waiting_reqs
            self._kv_use = scheduler_stats.kv_cache_usage
        if iteration_stats is not None:
            now = time.monotonic()
            self._ttft.add(now, iteration_stats.time_to_first_tokens_iter)
            ended = iteration_stats.finished_requests
            several = (each for each in ended if each.num_generation_tokens > 1)
            self._tpot.add(now, (each.mean_time_per_output_token for each in several))

    def log_engine_initialized(self) -> None:
        """Nothing to say."""

    def report(self, requests: Iterable[Any]) -> ReplicaReport:
        """The replica's report; `requests` are the engine's own, each with what it has written so far.

        One that has written nothing counts as waiting, whether its prompt is being read or not: vLLM tells
        of the reading only when it is done.
        """
        now, running_tokens, waiting_tokens = time.monotonic(), 0, 0
        for request in requests:
            if request.is_prefilling:
                waiting_tokens += request.prompt_len
            else:
                running_tokens += request.prompt_len + request.stats.num_generation_tokens
        return ReplicaReport(
            at_s=time.time(),
            running_requests=self._running,
            waiting_requests=self._waiting,
            running_tokens=running_tokens,
            waiting_tokens=waiting_tokens,
            kv_use=min(1.0, self._kv_use),
            gpu_use=self._gpus.use(),
            ttft_p95_ms=self._ttft.p95_ms(now),
            tpot_p95_ms=self._tpot.p95_ms(now),
        )
