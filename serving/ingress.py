"""The OpenAI ingress: Ray's own, with limits to what it lets in and every error in OpenAI's form."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from ray.serve.handle import DeploymentHandle
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request

from .adapter_ingress import AdapterIngress
from .admission import AdmissionSettings
from .errors import ToldError, unknown_model
from .estimates import request_of
from .failures import twice
from .layers import ErrorsInOpenAiForm, LimitedApp, answered, at_the_end
from .ledger import Ledger
from .replicas import Knock, RunningReplicas
from .waiting import NotedHandle, in_time

Endpoint = Callable[..., Awaitable[Any]]


def _of_a_model(endpoint: Endpoint) -> Endpoint:
    """An endpoint of Ray's for what is let in, that survives the loss of a replica and knows its models.

    Ray's endpoints return when the first token is there: before, a client has seen nothing of an answer.
    """

    @functools.wraps(endpoint)
    async def told(self: "OpenAiIngress", body: Any, request: Request) -> Any:
        self.check_adapter(body.model)
        try:
            return await self.let_in(body, request, lambda: twice(lambda: endpoint(self, body, request)))
        except HTTPException as error:
            if error.status_code != 404:
                raise
            raise ToldError(unknown_model(body.model or "")) from error
        except ToldError as error:
            if error.told.error.param == "model":
                self.forget(body.model)
            raise

    return told


class OpenAiIngress(AdapterIngress):
    """Ray's ingress; deployed under Ray's name, by which dashboards know it."""

    chat = _of_a_model(AdapterIngress.chat)
    completions = _of_a_model(AdapterIngress.completions)
    embeddings = _of_a_model(AdapterIngress.embeddings)
    transcriptions = _of_a_model(AdapterIngress.transcriptions)
    score = _of_a_model(AdapterIngress.score)
    tokenize = _of_a_model(AdapterIngress.tokenize)
    detokenize = _of_a_model(AdapterIngress.detokenize)

    def __init__(
        self,
        llm_deployments: Mapping[str, DeploymentHandle],
        *arguments: Any,
        max_body_bytes: int,
        admission: Mapping[str, AdmissionSettings],
        **more: Any,
    ) -> None:
        """`max_body_bytes` is the largest body that is read, `admission` what is let in, by model id.

        The rest is Ray's.
        """
        noted = {model: NotedHandle(handle) for model, handle in llm_deployments.items()}
        super().__init__(noted, *arguments, **more)
        self._max_body_bytes = max_body_bytes
        self._models = tuple(llm_deployments)
        self._ledgers = {model: Ledger(admission[model]) for model in self._models if model in admission}
        self._knocks = {model: Knock(llm_deployments[model]) for model in self._ledgers}
        self._replicas = RunningReplicas(llm_deployments, self._ledgers)

    async def let_in(self, body: Any, request: Request, answer: Callable[[], Awaitable[Any]]) -> Any:
        """An answer to what is let in, in the time it was let in for; raises ToldError otherwise."""
        # Ray takes the only model where none is named.
        model = (body.model or "").partition(":")[0] or self._models[0]
        ledger = self._ledgers.get(model)
        if ledger is None:
            return await answer()
        await self._replicas.known()
        try:
            admitted = ledger.let_in(request_of(body))
            at_the_end(request, functools.partial(ledger.take_off, admitted))
            return await in_time(answer, admitted, lambda: ledger.runs)
        except ToldError as error:
            if error.told.status == 503 and not ledger.runs:
                self._knocks[model].again()
            raise

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
