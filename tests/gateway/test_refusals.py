"""What OpenAI's own client makes of a refusal of the gateway itself, which a real Envoy gives."""

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from components.gateway_manifests import Manifest
from localcloud.toolchain import Toolchain
from tests.gateway.entra import Authority
from tests.gateway.proxy import free_port
from tests.gateway.upstream import Answer, Upstream
from tests.gateway.way import BY_KEYS, HOST, KEYS, Way, way_in
from tests.spec.changing import changed

TRIAL = {"name": "trial", "api_key": "trial", "models": ["copilot"], "requests_per_minute": 7}
NEW = {"name": "new", "api_key": "new", "models": ["new"], "requests_per_minute": 60}
ASKED = changed(
    BY_KEYS,
    {
        "models[2]": {**BY_KEYS["models"][0], "name": "new"},
        "gateway.tenants[2]": TRIAL,
        "gateway.tenants[3]": NEW,
    },
)
ALL_KEYS = {**KEYS, "trial": "key-of-the-trial", "new": "key-of-the-new"}
PATIENCE_S = 1


def impatient(manifests: list[Manifest]) -> None:
    """The limits of time, so short that a test can wait for them."""
    (callers,) = (each for each in manifests if each["kind"] == "ClientTrafficPolicy")
    limits = callers["spec"]["timeout"]["http"]
    callers["spec"]["timeout"]["http"] = dict.fromkeys(limits, f"{PATIENCE_S}s")


@pytest.fixture(scope="module")
def way(model: Upstream, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Behind `code` nobody listens, and KubeRay has not made the service of `new` yet."""
    folder = tmp_path_factory.mktemp("refusals")
    services = {"copilot": model.port, "code": free_port(), "new": None}
    with way_in(
        toolchain, Authority(folder), folder, ASKED, services, keys=ALL_KEYS, change=impatient
    ) as found:
        yield found


def ask(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(model="copilot", messages=[{"role": "user", "content": "Hello"}])


def refused(client: openai.OpenAI) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as told:
        ask(client)
    assert told.value.response.headers["content-type"] == "application/json"
    return told.value


@pytest.mark.parametrize(
    ("tenant", "model_asked", "kind", "code", "what_to_do"),
    [
        ("nobody", "copilot", openai.AuthenticationError, "invalid_api_key", "Authorization: Bearer <key>"),
        ("editors", "copilot", openai.PermissionDeniedError, "model_not_allowed", "have this one added"),
        ("portal", "nothing", openai.NotFoundError, "unknown_url", f"https://{HOST}/<model>/v1/"),
        ("editors", "code", openai.InternalServerError, "model_unavailable", "Come back in 5 s"),
        ("new", "new", openai.InternalServerError, "model_unavailable", "Come back in 5 s"),
    ],
)
def test_openais_client_reads_why_it_is_refused_and_what_to_do(
    way: Way, tenant: str, model_asked: str, kind: type[openai.APIStatusError], code: str, what_to_do: str
) -> None:
    told = refused(way.client(ALL_KEYS.get(tenant, "key-of-nobody"), model_asked))
    assert type(told) is kind
    assert told.code == code
    assert what_to_do in told.message


def test_a_caller_without_a_key_is_told_how_to_show_one(way: Way) -> None:
    told = way.answer("/copilot/v1/models", {})
    assert (told.status_code, told.json()["error"]["code"]) == (401, "invalid_api_key")
    assert told.headers["www-authenticate"] == "Bearer"


def test_a_tenant_over_its_limit_is_told_when_to_come_back(way: Way) -> None:
    client = way.client(ALL_KEYS["trial"])
    for _ in range(7):
        ask(client)
    told = refused(client)
    assert type(told) is openai.RateLimitError
    assert (told.type, told.code) == ("rate_limit_error", "rate_limit_exceeded")
    # A bucket of 7 a minute lets one more in after 60/7 s.
    assert told.response.headers["retry-after"] == "9"
    assert "Come back in 9 s" in told.message


@pytest.mark.parametrize(("tenant", "model_asked"), [("editors", "code"), ("new", "new")])
def test_a_service_that_is_not_reached_is_come_back_to(way: Way, tenant: str, model_asked: str) -> None:
    told = refused(way.client(ALL_KEYS[tenant], model_asked))
    assert (told.status_code, told.response.headers["retry-after"]) == (503, "5")


def test_a_service_that_says_nothing_is_told_of(way: Way, model: Upstream) -> None:
    model.answer = Answer(silent_s=2 * PATIENCE_S)
    try:
        told = refused(way.client(KEYS["portal"]))
    finally:
        model.answer = Answer()
    assert (told.status_code, told.code) == (504, "answer_timeout")


def test_a_request_that_does_not_arrive_is_told_of(way: Way) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"{"
        time.sleep(2 * PATIENCE_S)
        yield b"}"

    said = {"authorization": f"Bearer {KEYS['portal']}", "content-length": "2"}
    told = way.answer("/copilot/v1/completions", said, slowly())
    assert (told.status_code, told.json()["error"]["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503, 504])
def test_what_the_service_refuses_itself_is_passed_on_as_it_is(
    way: Way, model: Upstream, status: int
) -> None:
    said = {"error": {"message": "The model is full.", "type": "x", "param": None, "code": "own"}}
    model.answer = Answer(status, json.dumps(said).encode(), retry_after_s=17)
    try:
        told = refused(way.client(KEYS["portal"]))
    finally:
        model.answer = Answer()
    assert (told.status_code, told.code) == (status, "own")
    assert told.response.headers["retry-after"] == "17"
