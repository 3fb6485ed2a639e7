"""Callers with keys out of the vault, before a real Envoy: who gets in, and where their keys do not go.

They stand in a Secret, where the secrets provider writes them. What becomes of them is Envoy Gateway's own:
unlike certificates, keys are in its translation.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.toolchain import Toolchain
from tests.gateway.entra import Authority
from tests.gateway.upstream import Upstream
from tests.gateway.way import BY_KEYS, KEYS, Way, way_in

UNKNOWN = "key-of-nobody"


@pytest.fixture(scope="module")
def way(model: Upstream, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("keys")
    services = {"copilot": model.port, "code": model.port}
    with way_in(toolchain, Authority(folder), folder, BY_KEYS, services, keys=KEYS) as found:
        yield found


def ask(way: Way, key: str | None, model: str = "copilot", **headers: Any) -> int:
    bearer = {} if key is None else {"authorization": f"Bearer {key}"}
    return way.get(f"/{model}/v1/models", {**bearer, **headers})


def test_nobody_is_let_in_without_a_key_or_with_one_that_the_vault_has_not(way: Way) -> None:
    assert ask(way, None) == 401
    assert ask(way, UNKNOWN) == 401
    assert way.get("/copilot/v1/models", {"authorization": "Bearer"}) == 401
    # The name that stands beside a key is none.
    assert ask(way, "portal") == 401
    assert ask(way, KEYS["portal"]) == 200


def test_a_key_opens_the_models_of_its_tenant_and_no_others(way: Way) -> None:
    assert ask(way, KEYS["portal"], "code") == 403
    assert ask(way, KEYS["editors"], "code") == 200
    assert ask(way, KEYS["editors"]) == 403
    # Nor does a header that says one is another tenant.
    assert ask(way, KEYS["editors"], **{"x-tenant": "portal"}) == 403


def test_a_key_reaches_neither_the_model_nor_a_log(way: Way, model: Upstream) -> None:
    model.heard.clear()
    asked = {"one": KEYS["portal"], "other": KEYS["editors"], "nobody": UNKNOWN}
    told = [ask(way, key, **{"user-agent": f"{name}-asks"}) for name, key in asked.items()]
    assert told == [200, 403, 401]
    (heard,) = model.heard
    assert b"x-tenant: portal" in heard.lower()
    assert b"one-asks" in heard
    written = way.written(*(f"{name}-asks" for name in asked))
    for key in (*KEYS.values(), UNKNOWN):
        assert key.encode() not in heard
        assert key not in written
