"""The way in of an environment: its gateway's manifests, translated, and run by Envoy on loopback."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

from components.gateway_manifests import Manifest, gateway_manifests
from inference_stack.planner import plan_environment
from localcloud.toolchain import Tool, Toolchain
from tests.conftest import SMALL
from tests.gateway.entra import Authority
from tests.gateway.proxy import LOOPBACK, Envoy, Translation, in_the_cluster

HOST = "inference.example.com"
SNI = {"sni_hostname": HOST}
KEYS = {"portal": "key-of-the-portal", "editors": "key-of-the-editors"}
"""What the secrets in the vault say, by tenant of `BY_KEYS`."""
BY_KEYS = {
    **SMALL,
    "models": [*SMALL["models"], {**SMALL["models"][0], "name": "code"}],
    "gateway": {
        "host": HOST,
        "certificate": "certificate",
        "replicas": 1,
        "authentication": "api-keys",
        "tenants": [
            {"name": tenant, "api_key": tenant, "models": [model], "requests_per_minute": 1_000_000}
            for tenant, model in (("portal", "copilot"), ("editors", "code"))
        ],
    },
}
"""An environment whose callers show keys."""


@dataclass(frozen=True)
class Way:
    """The way in, for callers who trust its certificate."""

    port: int
    trust: ssl.SSLContext
    log: Path
    """What Envoy writes, its access log too."""
    metrics_port: int
    """Where Prometheus reads Envoy."""

    @property
    def address(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"

    def answer(
        self, path: str, headers: Mapping[str, str], body: Iterator[bytes] | None = None
    ) -> httpx2.Response:
        """The answer to these headers, and to a body that arrives bit by bit."""
        with httpx2.Client(verify=self.trust, timeout=60) as client:
            asked = client.build_request(
                "POST" if body else "GET",
                f"{self.address}{path}",
                headers={"host": HOST, **headers},
                content=body,
                extensions=SNI,
            )
            return client.send(asked)

    def get(self, path: str, headers: Mapping[str, str]) -> int:
        """The status of the answer to these headers."""
        return self.answer(path, headers).status_code

    def client(self, key: str, model: str = "copilot") -> OpenAI:
        """OpenAI's own client, which tries nothing again."""

        def to_the_host(request: httpx2.Request) -> None:
            request.extensions |= SNI

        asking = httpx2.Client(verify=self.trust, event_hooks={"request": [to_the_host]})
        return OpenAI(
            base_url=f"{self.address}/{model}/v1",
            api_key=key,
            max_retries=0,
            default_headers={"host": HOST},
            http_client=asking,
        )

    def written(self, *words: str) -> str:
        """All that Envoy has written, once these words are among it: it writes its access log in turns."""
        until = time.monotonic() + 30
        while not all(word in (text := self.log.read_text()) for word in words):
            assert time.monotonic() < until, text[-2000:]
            time.sleep(0.1)
        return text


@contextmanager
def way_in(
    toolchain: Toolchain,
    authority: Authority,
    folder: Path,
    asked: dict[str, Any],
    services: Mapping[str, int | None],
    *,
    others: Mapping[str, int] | None = None,
    keys: Mapping[str, str] | None = None,
    change: Callable[[list[Manifest]], None] | None = None,
) -> Iterator[Way]:
    """Run it for as long as the block lasts.

    `services`: the port of loopback behind each service, None for one that is not made yet.
    `others`: the same for addresses outside the cluster. `keys`: what the vault's
    secrets say, by tenant. `change`: of the manifests.
    """
    plan = plan_environment(asked, name="small", file="small")
    assert plan.environment.gateway
    manifests = gateway_manifests(plan, plan.environment.gateway, "inference")
    if change:
        change(manifests)
    certificate, key = authority.pair(HOST)
    pair = (certificate.read_text(), key.read_text())
    there = {name: port for name, port in services.items() if port}
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(there, start=7)}
    cluster = in_the_cluster(addresses, pair, keys or {})
    translation = Translation(toolchain.path(Tool.EGCTL), [*manifests, *cluster], folder)
    assert translation.refused == ""
    missing = [name for name in services if name not in there]
    assert [each.split(":")[0] for each in translation.unmet()] == [f"HTTPRoute {name}" for name in missing]
    moved = {**(others or {}), **{addresses[name]: port for name, port in there.items()}}
    envoy = Envoy(translation, folder, pair, moved, authority.file)
    try:
        envoy.wait()
        trust = ssl.create_default_context(cafile=str(authority.file))
        yield Way(envoy.port, trust, envoy.log, envoy.metrics_port)
    finally:
        envoy.stop()
