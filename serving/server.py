"""A replica of a model: Ray's own, which also says how much its engine has to do."""

from typing import Any

from ray.serve.llm import deployment

from .load import EngineLoad


class LLMServer(deployment.LLMServer):
    """Ray's replica of a model; deployed under Ray's name, by which dashboards know it."""

    async def start(self) -> None:
        """Start the engine, and listen to it from the first step on."""
        await super().start()
        self._load = EngineLoad()
        # Ray decides which loggers the engine is made with; its manager takes more of them later.
        self._engine_client.logger_manager.stat_loggers.append(self._load)

    @property
    def _engine_client(self) -> Any:
        return self.engine._engine_client

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Ray Serve hands to the autoscaling policy, as `serving.signals` reads it."""
        requests = self._engine_client.output_processor.request_states
        return self._load.report(list(requests.values())).stats()
