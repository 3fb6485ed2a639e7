"""What a caller reads where the gateway itself refuses: errors as OpenAI's API has them.

What a model's service answers is its own, in the same form, and is passed on as it is.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from inference_stack.spec import Gateway

SILENT_S = 600
"""How long an answer may say nothing, seconds: as long as Ray's router lets a request wait."""
SLOW_S = 60
"""How long a caller may take to send a request, seconds."""
RETRY_AFTER_S = 5
"""When to come back to a service that is not reached, seconds; its own answer is the same."""
LIMIT_HEADER = "x-ratelimit-limit"
"""Header of Envoy's by which an answer says which limit the request was counted by."""


class Refusal(NamedTuple):
    """An answer that no service gave."""

    status: int
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    code: str
    """Stable name of the fault, for programs; OpenAI's where it has one."""
    message: str
    """What is wrong, and what to do. Without percent signs, which Envoy would read."""
    headers: Mapping[str, str] = {}

    def response(self) -> dict[str, Any]:
        """The whole answer, as Envoy Gateway is asked for one."""
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        made: dict[str, Any] = {
            "statusCode": self.status,
            "contentType": "application/json",
            "body": {"type": "Inline", "inline": json.dumps({"error": error})},
        }
        if self.headers:
            made["header"] = {"set": [{"name": name, "value": value} for name, value in self.headers.items()]}
        return made


def overrides(gateway: Gateway, model: str, limits: Iterable[int]) -> list[dict[str, Any]]:
    """What is said in place of Envoy's own words on the route of a model.

    `limits`: what one proxy lets in of its tenants, requests a minute. Envoy fills a bucket evenly, so
    that the limit that was reached tells when one more request is let in.
    """
    return [
        _override([401], _unknown_caller(gateway)),
        _override([403], _not_allowed(gateway, model)),
        _override([408], _slow()),
        *(_override([429], _over(limit), {LIMIT_HEADER: str(limit)}) for limit in sorted(set(limits))),
        # 500 is what Envoy Gateway answers while there is no service: KubeRay makes it once the model serves.
        _override([500, 502, 503], _unreached(model)),
        _override([504], _silent(model)),
    ]


def nowhere(gateway: Gateway) -> Refusal:
    """A path that is no model's."""
    message = f"Nothing is at this path. A model is asked at https://{gateway.host}/<model>/v1/."
    return Refusal(404, "invalid_request_error", "unknown_url", message)


def _override(
    statuses: Iterable[int], said: Refusal, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    match: dict[str, Any] = {"statusCodes": [{"type": "Value", "value": status} for status in statuses]}
    if headers:
        match["responseHeaders"] = [
            {"name": name, "value": {"type": "Exact", "value": value}} for name, value in headers.items()
        ]
    return {"match": match, "source": "Local", "response": said.response()}


def _unknown_caller(gateway: Gateway) -> Refusal:
    proof, way_out = (
        ("token", "fetch a new one of Entra for this gateway")
        if gateway.authentication == "entra"
        else ("key", "take the one that your tenant was given")
    )
    message = (
        f"Authorization has no {proof}, or one that is not taken. Send `Authorization: Bearer <{proof}>`; "
        f"{way_out}."
    )
    # Whoever refuses with 401 has to name the way in (RFC 9110, 11.6.1).
    return Refusal(401, "invalid_request_error", "invalid_api_key", message, {"WWW-Authenticate": "Bearer"})


def _not_allowed(gateway: Gateway, model: str) -> Refusal:
    other = "The token is for another audience, or " if gateway.authentication == "entra" else ""
    message = (
        f"{other}{'its' if other else 'The'} caller is no tenant that may ask {model}. "
        "Ask one of your tenant's models, or have this one added to them."
    )
    return Refusal(403, "invalid_request_error", "model_not_allowed", message)


def _slow() -> Refusal:
    message = f"The request had not arrived after {SLOW_S} s. Send it again, faster or shorter."
    return Refusal(408, "invalid_request_error", "request_timeout", message)


def _over(limit: int) -> Refusal:
    seconds = math.ceil(60 / limit)
    message = (
        f"Your tenant's limit of requests a minute is reached. Come back in {seconds} s, ask more evenly, "
        "or have the limit raised."
    )
    return Refusal(429, "rate_limit_error", "rate_limit_exceeded", message, {"Retry-After": str(seconds)})


def _unreached(model: str) -> Refusal:
    message = f"The service of {model} is not reached at the moment. Come back in {RETRY_AFTER_S} s."
    return Refusal(503, "server_error", "model_unavailable", message, {"Retry-After": str(RETRY_AFTER_S)})


def _silent(model: str) -> Refusal:
    message = f"{model} had begun no answer after {SILENT_S} s. Send the request again, or ask for less."
    return Refusal(504, "server_error", "answer_timeout", message)
