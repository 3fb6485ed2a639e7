"""The configuration that Envoy Gateway makes of our manifests, run by Envoy before the real application.

The engine alone stands in for another: it counts. See `proxy` for what is changed of the configuration.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import pytest
from rich.console import Console

from inference_stack.engine import ServedModel, serve_config
from inference_stack.telemetry import Seen, provocations
from inference_stack.telemetry.series import GATEWAY_ANSWERED
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay, RayNode
from localcloud.toolchain import Toolchain
from tests.conftest import SMALL
from tests.gateway.entra import AUDIENCE, DIRECTORY, LOGIN, Authority, Entra, entra
from tests.gateway.way import BY_KEYS, HOST, KEYS, SNI, Way, way_in
from tests.serving.accounted_load import BEGUN
from tests.serving.fast_engine import EACH_S
from tests.telemetry.planned import planned_prod
from tests.telemetry.prometheus import Prometheus, prometheus

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PORTAL, EDITORS, TRIAL, STRANGER = (f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5))
LIMIT = 5
CONNECTIONS, REPLICAS, WORDS = 1000, 2, 6
PATIENCE_S = 60.0
MODEL = ServedModel(
    name="copilot",
    source="Qwen/Qwen2.5-7B-Instruct",
    group="small",
    accelerator_type="H100",
    replicas_min=REPLICAS,
    replicas_max=REPLICAS,
    concurrency=CONNECTIONS,
    engine={"max_model_len": 8192, "max_num_seqs": CONNECTIONS},
)
CODE = {**SMALL["models"][0], "name": "code"}


def tenant(name: str, claim: str, model: str, limit: int = 1_000_000) -> dict[str, Any]:
    return {"name": name, "claim": claim, "models": [model], "requests_per_minute": limit}


GATEWAY = {
    "host": HOST,
    "certificate": "certificate",
    "replicas": 1,
    "authentication": "entra",
    "entra": {"tenant_id": DIRECTORY, "audience": AUDIENCE},
    "tenants": [
        tenant("portal", PORTAL, "copilot"),
        tenant("editors", EDITORS, "code"),
        tenant("trial", TRIAL, "copilot", LIMIT),
    ],
}


@dataclass(frozen=True)
class EntraWay(Way):
    """The way in, and who lets tokens out."""

    entra: Entra

    def headers(self, application: str | None, **claims: Any) -> dict[str, str]:
        """What a caller sends: a token of an application."""
        return {"authorization": f"Bearer {self.entra.token(application, **claims)}"} if application else {}

    def ask(self, application: str | None, path: str = "/copilot/v1/models", **claims: Any) -> int:
        """The status of the answer to a small question."""
        return self.get(path, self.headers(application, **claims))

    @asynccontextmanager
    async def stream(self, client: httpx2.AsyncClient, words: int) -> AsyncIterator[httpx2.Response]:
        """The answer to a request of the portal for so many words."""
        address = f"{self.address}/copilot/v1/chat/completions"
        asked = question(words)
        headers = {"host": HOST, **self.headers(PORTAL)}
        async with client.stream("POST", address, json=asked, headers=headers, extensions=SNI) as answer:
            yield answer


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    folder = tmp_path_factory.mktemp("application")
    (begun := folder / "begun").mkdir()
    engine = {"RAYLLM_VLLM_ENGINE_CLS": "tests.serving.fast_engine.FastEngine", BEGUN: str(begun)}
    resources = {"accelerator_type:H100": REPLICAS, "small-worker": REPLICAS}
    node = RayNode(cpus=1, gpus=REPLICAS, resources=resources)
    with simulated(MODEL.source, node, folder, Console(stderr=True), **engine) as ray:
        deploy(ray, json.loads(serve_config([MODEL]).model_dump_json(exclude_none=True)))
        yield ray


@pytest.fixture(scope="module")
def way(
    application: LocalRay, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EntraWay]:
    folder = tmp_path_factory.mktemp("gateway")
    authority = Authority(folder)
    asked = {**SMALL, "models": [*SMALL["models"], CODE], "gateway": GATEWAY}
    # Both lead to the one application, which is there for the sake of `copilot`.
    services = {"copilot": application.port, "code": application.port}
    with (
        entra(authority) as issuer,
        way_in(toolchain, authority, folder, asked, services, others={LOGIN: issuer.port}) as found,
    ):
        yield EntraWay(**vars(found), entra=issuer)


@pytest.fixture(scope="module")
def way_by_keys(
    application: LocalRay, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("keys")
    services = {"copilot": application.port, "code": application.port}
    with way_in(toolchain, Authority(folder), folder, BY_KEYS, services, keys=KEYS) as found:
        yield found


@pytest.fixture(scope="module")
def seen(
    way: EntraWay, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    targets = {"gateway": f"127.0.0.1:{way.metrics_port}"}
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(toolchain, planned_prod(), targets, folder) as running:
        yield running


def question(words: int) -> dict[str, Any]:
    return {
        "model": MODEL.name,
        "messages": [{"role": "user", "content": "Count."}],
        "max_tokens": words,
        "stream": True,
    }


def test_nobody_is_let_in_without_a_token_or_with_one_of_somebody_else(way: EntraWay) -> None:
    assert way.ask(None) == 401
    # Of Entra, but for another application: known, and not let in.
    assert way.ask(PORTAL, aud="another") == 403
    assert way.ask(PORTAL, iss="https://login.example.com") == 401
    assert way.ask(PORTAL, exp=int(time.time()) - 3600) == 401
    assert way.ask(PORTAL) == 200


def test_openais_own_client_reads_why_a_token_is_refused(way: EntraWay) -> None:
    unknown, unwanted = way.entra.token(PORTAL, iss="https://login.example.com"), way.entra.token(STRANGER)
    with pytest.raises(openai.AuthenticationError, match="fetch a new one of Entra"):
        way.client(unknown).models.list()
    with pytest.raises(openai.PermissionDeniedError, match="no tenant that may ask copilot"):
        way.client(unwanted).models.list()
    with pytest.raises(openai.PermissionDeniedError, match="for another audience"):
        way.client(way.entra.token(PORTAL, aud="another")).models.list()


def test_a_tenant_asks_its_own_models_and_no_others(way: EntraWay) -> None:
    assert way.ask(EDITORS) == 403
    assert way.ask(STRANGER) == 403
    assert way.ask(EDITORS, "/code/v1/models") == 200
    assert way.ask(PORTAL, "/code/v1/models") == 403


def test_only_the_api_of_a_model_is_reached(way: EntraWay) -> None:
    assert way.ask(PORTAL, "/-/routes") == 404
    assert way.ask(PORTAL, "/v1/models") == 404
    assert way.ask(PORTAL, "/copilot/-/routes") == 404
    assert way.ask(PORTAL, "/copilot/v1/../../-/routes") == 404


def test_a_tenant_over_its_limit_waits_and_the_others_do_not(way: EntraWay) -> None:
    told = [way.ask(TRIAL) for _ in range(LIMIT + 2)]
    assert told == [200] * LIMIT + [429, 429]
    assert way.ask(PORTAL) == 200


def test_a_tenant_does_not_take_anothers_name_by_a_header(way: EntraWay) -> None:
    headers = {**way.headers(TRIAL), "x-tenant": PORTAL}
    told = [way.get("/copilot/v1/models", headers) for _ in range(LIMIT + 1)]
    assert told[-1] == 429


def test_openais_own_client_is_answered_for_a_key(way_by_keys: Way) -> None:
    words = range(WORDS)
    told = way_by_keys.client(KEYS["portal"]).chat.completions.create(**question(len(words)))
    said = [part.choices[0].delta.content for part in told if part.choices]
    assert "".join(filter(None, said)) == "".join(f"{each} " for each in words)


def test_an_answer_arrives_word_by_word(way: EntraWay) -> None:
    words = 30

    async def read() -> list[float]:
        async with httpx2.AsyncClient(verify=way.trust) as client, way.stream(client, words) as answer:
            assert answer.status_code == 200
            return [time.monotonic() async for line in answer.aiter_lines() if line.startswith("data: {")]

    arrived = asyncio.run(read())
    assert len(arrived) == words
    lasted = arrived[-1] - arrived[0]
    assert lasted > (words - 1) * EACH_S * 0.9
    # None of it was kept back: no gap is as long as a fifth of the whole.
    assert max(later - former for former, later in itertools.pairwise(arrived)) < lasted / 5


def test_the_dashboard_shows_what_the_gateway_answered_and_nothing_of_its_own(
    way: EntraWay, seen: Prometheus
) -> None:
    def answered() -> set[str]:
        rates = seen.series(GATEWAY_ANSWERED)
        return {labels["envoy_response_code_class"] for labels, rate in rates if rate > 0}

    def ask(application: str | None, until: set[str]) -> bool:
        end = time.monotonic() + PATIENCE_S
        while answered() != until and time.monotonic() < end:
            way.ask(application)
            time.sleep(0.5)
        return answered() == until

    # Envoy answers each scrape with 200, and counts that too.
    assert ask(None, {"4"})
    assert sum(seen.values('rate(envoy_http_downstream_rq_xx{envoy_response_code_class="2"}[1m])'))
    assert ask(PORTAL, {"2", "4"})


def test_a_certificate_of_the_gateway_that_ends_soon_is_alerted(seen: Prometheus) -> None:
    (provocation,) = provocations(Seen.GATEWAY)
    assert provocation.what == "a certificate of one day"
    # Nothing else is read here, so that nothing is known of models.
    expected = {*provocation.alerts, "NothingScraped"}
    until = time.monotonic() + PATIENCE_S
    while seen.alerts() != expected and time.monotonic() < until:
        time.sleep(0.5)
    assert seen.alerts() == expected


def test_a_thousand_connections_at_once_lose_nothing(way: EntraWay) -> None:
    answer = "".join(f"{each} " for each in range(WORDS))

    async def one(client: httpx2.AsyncClient) -> str:
        try:
            async with way.stream(client, WORDS) as told:
                lines = [line async for line in told.aiter_lines() if line.startswith("data: ")]
        except httpx2.HTTPError as wrong:
            return repr(wrong)
        if told.status_code != 200 or lines[-1] != "data: [DONE]":
            return f"{told.status_code} {lines[-1:]}"
        said = (json.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines[:-1])
        return "whole" if "".join(said) == answer else "other words"

    async def all_of_them() -> Counter[str]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(verify=way.trust, timeout=120, limits=limits) as client:
            return Counter(await asyncio.gather(*(one(client) for _ in range(CONNECTIONS))))

    begun = time.monotonic()
    ended = asyncio.run(all_of_them())
    print(f"{CONNECTIONS} connections in {time.monotonic() - begun:.1f} s: {dict(ended)}")
    assert ended == {"whole": CONNECTIONS}
