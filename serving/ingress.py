"""The OpenAI ingress: Ray's own, with a limit to what it reads and every error in OpenAI's form."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from ray.serve.llm import ingress
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request

from .failures import ModelNotFoundError, twice
from .layers import ErrorsInOpenAiForm, LimitedApp, answered

Endpoint = Callable[..., Awaitable[Any]]


def _of_a_model(endpoint: Endpoint) -> Endpoint:
    """An endpoint of Ray's that survives the loss of a replica, and says which model is not there.

    Ray's endpoints return when the first token is there: before, a client has seen nothing of an answer.
    """

    @functools.wraps(endpoint)
    async def told(self: "OpenAiIngress", body: Any, request: Request) -> Any:
        self.check_adapter(body.model)
        try:
            return await twice(lambda: endpoint(self, body, request))
        except HTTPException as error:
            raise (ModelNotFoundError(body.model) if error.status_code == 404 else error) from error

    return told


class OpenAiIngress(ingress.OpenAiIngress):
    """Ray's ingress; deployed under Ray's name, by which dashboards know it."""

    chat = _of_a_model(ingress.OpenAiIngress.chat)
    completions = _of_a_model(ingress.OpenAiIngress.completions)
    embeddings = _of_a_model(ingress.OpenAiIngress.embeddings)
    transcriptions = _of_a_model(ingress.OpenAiIngress.transcriptions)
    score = _of_a_model(ingress.OpenAiIngress.score)
    tokenize = _of_a_model(ingress.OpenAiIngress.tokenize)
    detokenize = _of_a_model(ingress.OpenAiIngress.detokenize)

    def __init__(
        self, *arguments: Any, max_body_bytes: int, lora_paths: dict[str, str] | None = None, **more: Any
    ) -> None:
        """`max_body_bytes` is the largest body that is read; the rest is Ray's."""
        super().__init__(*arguments, lora_paths=lora_paths, **more)
        self._max_body_bytes = max_body_bytes
        self._with_adapters = frozenset(lora_paths or ())

    def check_adapter(self, model: str | None) -> None:
        """Raise ModelNotFoundError for an adapter of a model that has none: its replica would fail at it."""
        base, _, adapter = (model or "").partition(":")
        if adapter and base not in self._with_adapters:
            raise ModelNotFoundError(model)

    def __serve_build_asgi_app__(self) -> LimitedApp:
        """The application that a replica serves: Ray's, which is there already, with our layers in it.

        Ray Serve asks for it after the constructor.
        """
        app: FastAPI = self.app  # of the class that `serve.ingress` derives from this one
        for kind in (HTTPException, RequestValidationError):
            app.add_exception_handler(kind, answered)
        # Innermost: Ray's own layer would answer with the text of the exception.
        app.user_middleware.append(Middleware(ErrorsInOpenAiForm))
        return LimitedApp(app, self._max_body_bytes)
