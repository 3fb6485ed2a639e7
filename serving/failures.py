"""What a client is told of an exception; what it is not told is logged under the request's id."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from . import errors
from .errors import RETRY_AFTER_S, ErrorBody, OpenAIError, ToldError

logger = logging.getLogger("ray.serve")

T = TypeVar("T")


async def twice(attempt: Callable[[], Awaitable[T]]) -> T:
    """An attempt, and another where the replica was lost that worked on the first: nothing was sent yet.

    Ray's router has forgotten the lost replica by then.
    """
    try:
        return await attempt()
    except RayActorError as lost:
        logger.warning("Tried once more on another replica: %s", lost)
        return await attempt()


def told_of(error: Exception, request_id: str) -> OpenAIError:
    """What a client is told of an exception that a request ended in."""
    match error:
        case ToldError():
            return error.told
        case BackPressureError():
            return errors.overloaded(math.ceil(error.retry_after_s or RETRY_AFTER_S))
        case DeploymentUnavailableError() | ReplicaUnavailableError():
            logger.warning("Request %s: %s", request_id, error)
            return errors.unavailable(RETRY_AFTER_S)
        case RayActorError():
            logger.warning("Request %s: %s", request_id, error)
            return errors.replica_lost()
        case RequestValidationError() | ValidationError():
            return _invalid(error.errors())
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 500:
        return _refused(status, error)
    logger.error("Request %s failed", request_id, exc_info=error)
    return errors.internal()


def response(told: OpenAIError) -> JSONResponse:
    """An error as the whole of an answer."""
    return JSONResponse(told.body(), told.status, headers=told.headers())


def _refused(status: int, error: Exception) -> OpenAIError:
    """What Ray, vLLM or Starlette refused, in their words: written for clients."""
    message = str(error.detail if isinstance(error, HTTPException) else getattr(error, "message", error))
    if status == 400:
        return errors.invalid_request(message)
    body = ErrorBody(message=message, type="invalid_request_error", code=f"http_{status}")
    return OpenAIError(status=status, error=body)


def _invalid(faults: Any) -> OpenAIError:
    """All that is wrong with a request, each with its place, without what was given: it may be long."""
    places = [".".join(map(str, fault["loc"][1:])) for fault in faults]
    told = "; ".join(
        f"{place}: {fault['msg']}" if place else fault["msg"]
        for place, fault in zip(places, faults, strict=True)
    )
    return errors.invalid_request(told, param=places[0] or None)
