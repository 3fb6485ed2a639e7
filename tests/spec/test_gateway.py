"""Who is let in: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.planner import Plan, gateway_routes, plan_environment
from inference_stack.spec import InvalidEnvironment, environment_findings, parse
from tests.spec.changing import changed

Asked = dict[str, Any]
ONE, OTHER = "10000000-0000-4000-8000-000000000000", "20000000-0000-4000-8000-000000000000"
ENTRA = {
    "host": "inference.example.com",
    "certificate": "inference",
    "authentication": "entra",
    "entra": {"tenant_id": ONE, "audience": "models"},
    "tenants": [{"name": "portal", "claim": ONE, "models": ["copilot"], "requests_per_minute": 60}],
}
KEYS = {
    "host": "inference.example.com",
    "certificate": "inference",
    "authentication": "api-keys",
    "tenants": [{"name": "portal", "api_key": "portal", "models": ["copilot"], "requests_per_minute": 60}],
}
SECOND = {"name": "editors", "claim": OTHER, "models": ["copilot"], "requests_per_minute": 60}


def told(asked: Asked, gateway: Asked, cluster: Asked | None = None) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, {"gateway": gateway, "cluster": cluster or {}}))
    assert not faults
    found = environment_findings(environment)
    return [(each.path.removeprefix("gateway."), each.code) for each in found if "gateway" in each.path]


@pytest.mark.parametrize(
    ("base", "changes", "without", "wrong"),
    [
        (ENTRA, {}, [], []),
        (KEYS, {}, [], []),
        (ENTRA, {"tenants[1]": SECOND}, [], []),
        (ENTRA, {}, ["entra"], [("entra", "missing-key")]),
        (KEYS, {"entra": ENTRA["entra"]}, [], [("entra", "setting-unused")]),
        (ENTRA, {}, ["tenants[0].claim"], [("tenants[0].claim", "missing-key")]),
        (KEYS, {}, ["tenants[0].api_key"], [("tenants[0].api_key", "missing-key")]),
        (ENTRA, {"tenants[0].api_key": "portal"}, [], [("tenants[0].api_key", "setting-unused")]),
        (KEYS, {"tenants[0].claim": ONE}, [], [("tenants[0].claim", "setting-unused")]),
        (ENTRA, {"tenants[1]": {**SECOND, "name": "portal"}}, [], [("tenants[1].name", "duplicate-name")]),
        (ENTRA, {"tenants[1]": {**SECOND, "claim": ONE}}, [], [("tenants[1].claim", "duplicate-entry")]),
        (
            KEYS,
            {"tenants[1]": {**KEYS["tenants"][0], "name": "editors"}},
            [],
            [("tenants[1].api_key", "duplicate-entry")],
        ),
        (ENTRA, {"tenants[0].models[1]": "copilot"}, [], [("tenants[0].models[1]", "duplicate-entry")]),
        (ENTRA, {"tenants[0].models[1]": "novel"}, [], [("tenants[0].models[1]", "unknown-model-name")]),
        (ENTRA, {"tenants[0].requests_per_minute": 2}, [], []),
        (
            ENTRA,
            {"tenants[0].requests_per_minute": 1},
            [],
            [("tenants[0].requests_per_minute", "limit-below-replicas")],
        ),
        (ENTRA, {"tenants[0].requests_per_minute": 1, "replicas": 1}, [], []),
    ],
)
def test_tenants_are_told_apart_and_ask_models_that_are_there(
    asked: Asked, base: Asked, changes: Asked, without: list[str], wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, changed(base, changes, without)) == wrong


@pytest.mark.parametrize(("number", "wrong"), [(16, []), (17, [("tenants", "too-many")])])
def test_a_model_has_no_more_tenants_than_limits_are_kept_for(
    asked: Asked, number: int, wrong: list[tuple[str, str]]
) -> None:
    tenants = [
        {**SECOND, "name": f"tenant-{each}", "claim": f"{each:08}-0000-4000-8000-000000000000"}
        for each in range(number)
    ]
    assert told(asked, {**ENTRA, "tenants": tenants}) == wrong


@pytest.mark.parametrize(
    ("runtime", "wrong"), [("ray", []), ("anyscale", [("authentication", "gateway-without-ray")])]
)
def test_a_gateway_stands_before_rays_own_services(
    asked: Asked, runtime: str, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, ENTRA, {"runtime": runtime}) == wrong


def planned(asked: Asked, models: list[Asked], may: list[str], **changes: Any) -> Plan:
    gateway = changed(ENTRA, {"tenants[0].models": may})
    return plan_environment({**asked, "models": models, "gateway": gateway, **changes}, name="x", file="x")


def test_a_route_leads_to_the_service_of_each_model_that_somebody_may_ask(asked: Asked) -> None:
    (copilot,) = asked["models"]
    plan = planned(asked, [copilot, {**copilot, "name": "unasked"}], ["copilot"])
    assert [(route.model, route.service) for route in gateway_routes(plan)] == [("copilot", "copilot")]
    assert [tenant.name for tenant in gateway_routes(plan)[0].tenants] == ["portal"]
    assert gateway_routes(plan_environment(asked, name="x", file="x")) == ()


def test_a_model_of_another_cluster_is_not_behind_the_gateway(asked: Asked) -> None:
    existing = {
        "name": "old",
        "existing": f"/subscriptions/{ONE}/resourceGroups/ml/providers/Microsoft.ContainerService"
        "/managedClusters/science/agentPools/a100",
        "sku": "Standard_NC24ads_A100_v4",
        "nodes": {"max": 2},
    }
    (copilot,) = asked["models"]
    other = {**copilot, "name": "other", "placement": {"pool": "old"}}
    pools = [*asked["pools"], existing]
    assert planned(asked, [copilot, other], ["copilot"], pools=pools)
    with pytest.raises(InvalidEnvironment) as wrong:
        planned(asked, [copilot, other], ["copilot", "other"], pools=pools)
    assert [
        (each.path, each.code) for each in wrong.value.findings if each.code == "model-beyond-gateway"
    ] == [("gateway.tenants[0].models[1]", "model-beyond-gateway")]


def shared(asked: Asked, may: list[str], **changes: Any) -> list[tuple[str, str]]:
    """What is wrong where two models may share GPUs, and the tenant asks some of them."""
    (copilot,) = asked["models"]
    copilot.pop("placement")
    models = [copilot, {**copilot, "name": "other", **changes}]
    pools = [
        {"name": name, "sku": "Standard_NC40ads_H100_v5", "nodes": {"max": 1}} for name in ("one", "two")
    ]
    try:
        planned(asked, models, may, pools=pools, shared_gpus=True)
    except InvalidEnvironment as wrong:
        return [(each.path, each.code) for each in wrong.findings]
    return []


@pytest.mark.parametrize(
    ("may", "isolation", "wrong"),
    [
        (["copilot"], "shared", [("gateway.tenants[0].models[0]", "tenant-reaches-more")]),
        (["copilot", "other"], "shared", []),
        (["copilot"], "dedicated", []),
    ],
)
def test_a_tenant_may_ask_all_models_of_a_service_or_none(
    asked: Asked, may: list[str], isolation: str, wrong: list[tuple[str, str]]
) -> None:
    assert shared(asked, may, isolation=isolation) == wrong
