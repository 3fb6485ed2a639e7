"""A replica of a model: Ray's own, which also says how much its engine has to do, and minds its adapters."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from ray import serve
from ray.serve.llm import deployment

from .adapters import Adapters
from .engine_death import ending_with_engine
from .load import EngineLoad

Method = Callable[..., Awaitable[Any]]


def _with_adapter(method: Method) -> Method:
    """A method of Ray's that answers with an adapter held from before it looks for it to the last token."""

    @functools.wraps(method)
    async def answered(self: "LLMServer", request: Any, raw_request_info: Any = None) -> Any:
        model = serve.get_multiplexed_model_id()
        if not model or self._adapters is None:
            return await method(self, request, raw_request_info)
        adapter = await self._adapters.hold(model)
        if hasattr(request, "cache_salt"):
            request.cache_salt = adapter.salt + (request.cache_salt or "")
        return adapter.over(await method(self, request, raw_request_info))

    return answered


class LLMServer(deployment.LLMServer):
    """Ray's replica of a model; deployed under Ray's name, by which dashboards know it."""

    _adapters: Adapters | None = None

    chat = _with_adapter(ending_with_engine(deployment.LLMServer.chat))
    completions = _with_adapter(ending_with_engine(deployment.LLMServer.completions))
    embeddings = _with_adapter(deployment.LLMServer.embeddings)
    transcriptions = _with_adapter(deployment.LLMServer.transcriptions)
    score = _with_adapter(deployment.LLMServer.score)
    tokenize = _with_adapter(deployment.LLMServer.tokenize)
    detokenize = _with_adapter(deployment.LLMServer.detokenize)

    async def __init__(self, llm_config: Any, **more: Any) -> None:
        """As Ray's, with our loader of adapters in the place that Ray has for one."""
        await super().__init__(llm_config, model_downloader=self._loader, **more)

    def _loader(self, **limits: Any) -> Adapters:
        self._adapters = Adapters(**limits)
        return self._adapters

    async def start(self) -> None:
        """Start the engine, and listen to it from the first step on."""
        await super().start()
        self._load = EngineLoad()
        # Ray decides which loggers the engine is made with; its manager takes more of them later.
        self._engine_client.logger_manager.stat_loggers.append(self._load)
        if self._adapters is not None:
            self._adapters.start(self._llm_config, self.engine)

    @property
    def _engine_client(self) -> Any:
        return self.engine._engine_client

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Ray Serve hands to the autoscaling policy, as `serving.signals` reads it."""
        requests = self._engine_client.output_processor.request_states
        return self._load.report(list(requests.values())).stats()
