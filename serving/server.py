"""A replica of a model: Ray's own, which also says how much its engine has to do."""

from typing import Any

from ray.serve.llm import deployment
from vllm.v1.metrics.loggers import StatLoggerBase


class EngineLoad(StatLoggerBase):
    """What the engine's scheduler said after its latest step.

    vLLM passes it over with every step; the gauges that it exports follow seconds later.
    """

    def __init__(self, *_of_vllm: Any) -> None:
        """An engine that has done no step yet."""
        self.running = 0
        self.waiting = 0
        self.kv_use = 0.0

    def record(self, scheduler_stats: Any, *_others: Any, **_more: Any) -> None:
        """Called by vLLM after each step; without statistics where the scheduler did not run."""
        if scheduler_stats is not None:
            self.running = scheduler_stats.num_running_reqs
            self.waiting = scheduler_stats.num_waiting_reqs + scheduler_stats.num_skipped_waiting_reqs
            self.kv_use = scheduler_stats.kv_cache_usage

    def log_engine_initialized(self) -> None:
        """Nothing to say."""


class LLMServer(deployment.LLMServer):
    """Ray's replica of a model; deployed under Ray's name, by which dashboards know it."""

    async def start(self) -> None:
        """Start the engine, and listen to its scheduler from the first step on."""
        await super().start()
        self._load = EngineLoad()
        # Ray decides which statistics loggers the engine is made with; its manager takes more of them later.
        self._engine_client.logger_manager.stat_loggers.append(self._load)

    @property
    def _engine_client(self) -> Any:
        return self.engine._engine_client

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Ray Serve hands to the autoscaling policy.

        `running` and `waiting` are requests in the engine, `queued_tokens` the prompt tokens of those that
        have written nothing yet, `kv_use` the share of the KV cache that is taken, 0 to 1.
        """
        return {
            "running": self._load.running,
            "waiting": self._load.waiting,
            "queued_tokens": self._engine_client.get_num_queued_tokens(),
            "kv_use": self._load.kv_use,
        }
