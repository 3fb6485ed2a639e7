"""The configuration that Envoy Gateway makes of our manifests, run by Envoy before the real application.

The engine alone stands in for another: it counts. See `proxy` for what is changed of the configuration.
"""

import asyncio
import itertools
import json
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx2
import pytest
from rich.console import Console

from components.gateway_manifests import gateway_manifests
from inference_stack.engine import ServedModel, serve_config
from inference_stack.planner import plan_environment
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import RayNode
from localcloud.toolchain import Tool, Toolchain
from tests.conftest import SMALL
from tests.gateway.entra import AUDIENCE, DIRECTORY, LOGIN, Authority, Entra, entra
from tests.gateway.proxy import Envoy, Translation, in_the_cluster
from tests.serving.accounted_load import BEGUN
from tests.serving.fast_engine import EACH_S

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

HOST = "inference.example.com"
SNI = {"sni_hostname": HOST}
PORTAL, EDITORS, TRIAL, STRANGER = (f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5))
LIMIT = 5
CONNECTIONS, REPLICAS, WORDS = 1000, 2, 6
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
ADDRESSES = {"copilot": "10.0.0.7", "code": "10.0.0.8"}
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


class Way(NamedTuple):
    """The way in, and who lets tokens out."""

    port: int
    entra: Entra
    trust: ssl.SSLContext

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def headers(self, application: str | None, **claims: Any) -> dict[str, str]:
        """What a caller sends: the host, and a token of an application."""
        token = {"authorization": f"Bearer {self.entra.token(application, **claims)}"} if application else {}
        return {"host": HOST, **token}

    def ask(self, application: str | None, path: str = "/copilot/v1/models", **claims: Any) -> int:
        """The status of the answer to a small question."""
        return self.get(path, self.headers(application, **claims))

    def get(self, path: str, headers: dict[str, str]) -> int:
        """The status of the answer to these headers."""
        with httpx2.Client(verify=self.trust, timeout=60) as client:
            return client.get(f"{self.address}{path}", headers=headers, extensions=SNI).status_code

    @asynccontextmanager
    async def stream(self, client: httpx2.AsyncClient, words: int) -> AsyncIterator[httpx2.Response]:
        """The answer to a request of the portal for so many words."""
        address = f"{self.address}/copilot/v1/chat/completions"
        asked = question(words)
        headers = self.headers(PORTAL)
        async with client.stream("POST", address, json=asked, headers=headers, extensions=SNI) as answer:
            yield answer


@pytest.fixture(scope="module")
def way(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("gateway")
    (begun := folder / "begun").mkdir()
    authority = Authority(folder)
    asked = {**SMALL, "models": [*SMALL["models"], CODE], "gateway": GATEWAY}
    plan = plan_environment(asked, name="small", file="small")
    assert plan.environment.gateway
    manifests = gateway_manifests(plan, plan.environment.gateway, "inference")
    certificate, key = authority.pair(HOST)
    engine = {"RAYLLM_VLLM_ENGINE_CLS": "tests.serving.fast_engine.FastEngine", BEGUN: str(begun)}
    resources = {"accelerator_type:H100": REPLICAS, "small-worker": REPLICAS}
    node = RayNode(cpus=1, gpus=REPLICAS, resources=resources)
    with (
        entra(authority) as issuer,
        simulated(MODEL.source, node, folder, Console(stderr=True), **engine) as ray,
    ):
        deploy(ray, json.loads(serve_config([MODEL]).model_dump_json(exclude_none=True)))
        pair = (certificate.read_text(), key.read_text())
        # Both lead to the one application, which is there for the sake of `copilot`.
        cluster = in_the_cluster(ADDRESSES, pair, {})
        translation = Translation(toolchain.path(Tool.EGCTL), [*manifests, *cluster], folder)
        assert translation.refused == ""
        assert translation.unmet() == []
        moved = {LOGIN: issuer.port, **dict.fromkeys(ADDRESSES.values(), ray.port)}
        envoy = Envoy(translation, folder, pair, moved, authority.file)
        try:
            envoy.wait()
            trust = ssl.create_default_context(cafile=str(authority.file))
            yield Way(envoy.port, issuer, trust)
        finally:
            envoy.stop()


def question(words: int) -> dict[str, Any]:
    return {
        "model": MODEL.name,
        "messages": [{"role": "user", "content": "Count."}],
        "max_tokens": words,
        "stream": True,
    }


def test_nobody_is_let_in_without_a_token_or_with_one_of_somebody_else(way: Way) -> None:
    assert way.ask(None) == 401
    # Of Entra, but for another application: known, and not let in.
    assert way.ask(PORTAL, aud="another") == 403
    assert way.ask(PORTAL, iss="https://login.example.com") == 401
    assert way.ask(PORTAL, exp=int(time.time()) - 3600) == 401
    assert way.ask(PORTAL) == 200


def test_a_tenant_asks_its_own_models_and_no_others(way: Way) -> None:
    assert way.ask(EDITORS) == 403
    assert way.ask(STRANGER) == 403
    assert way.ask(EDITORS, "/code/v1/models") == 200
    assert way.ask(PORTAL, "/code/v1/models") == 403


def test_only_the_api_of_a_model_is_reached(way: Way) -> None:
    assert way.ask(PORTAL, "/-/routes") == 404
    assert way.ask(PORTAL, "/v1/models") == 404
    assert way.ask(PORTAL, "/copilot/-/routes") == 404
    assert way.ask(PORTAL, "/copilot/v1/../../-/routes") == 404


def test_a_tenant_over_its_limit_waits_and_the_others_do_not(way: Way) -> None:
    told = [way.ask(TRIAL) for _ in range(LIMIT + 2)]
    assert told == [200] * LIMIT + [429, 429]
    assert way.ask(PORTAL) == 200


def test_a_tenant_does_not_take_anothers_name_by_a_header(way: Way) -> None:
    headers = {**way.headers(TRIAL), "x-tenant": PORTAL}
    told = [way.get("/copilot/v1/models", headers) for _ in range(LIMIT + 1)]
    assert told[-1] == 429


def test_an_answer_arrives_word_by_word(way: Way) -> None:
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


def test_a_thousand_connections_at_once_lose_nothing(way: Way) -> None:
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
