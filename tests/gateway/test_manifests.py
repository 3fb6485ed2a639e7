"""What Envoy Gateway itself says to the manifests: those we send, and some that are wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.gateway_manifests import (
    AUTHENTICATION,
    KEYS,
    NOWHERE,
    Vault,
    gateway_manifests,
    secret_provider,
)
from inference_stack.planner import Plan, gateway_routes, plan_environment
from localcloud.toolchain import Tool, Toolchain
from policies.security import gateway_guarded as policy
from tests.gateway.entra import Authority
from tests.gateway.proxy import Translation, in_the_cluster
from tests.spec.test_gateway import KEYS as BY_KEYS

Made = dict[tuple[str, str], dict[str, Any]]
Change = Callable[[Made], None]
PROD = Path(__file__).parents[2] / "Pulumi.prod.yaml"


@pytest.fixture(scope="module")
def prod() -> Plan:
    asked = yaml.safe_load(PROD.read_text())["config"]["inference-stack:environment"]
    return plan_environment(asked, name="prod", file=PROD.name)


@pytest.fixture
def by_keys(asked: dict[str, Any]) -> Plan:
    return plan_environment({**asked, "gateway": BY_KEYS}, name="small", file="small")


@pytest.fixture
def translated(toolchain: Toolchain, tmp_path: Path) -> Callable[..., Translation]:
    """What Envoy Gateway makes of the manifests of a plan, one of them changed."""

    def translate(plan: Plan, change: Change | None = None) -> Translation:
        gateway = plan.environment.gateway
        assert gateway
        made = gateway_manifests(plan, gateway, "inference")
        by_name = {(each["kind"], each["metadata"]["name"]): each for each in made}
        if change:
            change(by_name)
        certificate, key = Authority(tmp_path).pair(gateway.host)
        services = dict.fromkeys((route.service for route in gateway_routes(plan)), "10.0.0.7")
        keys = {tenant.name: "secret" for tenant in gateway.tenants if tenant.api_key}
        cluster = in_the_cluster(services, (certificate.read_text(), key.read_text()), keys)
        return Translation(toolchain.path(Tool.EGCTL), [*by_name.values(), *cluster], tmp_path)

    return translate


def test_envoy_gateway_accepts_everything_that_is_sent_for_prod(
    prod: Plan, translated: Callable[..., Translation]
) -> None:
    told = translated(prod)
    assert told.refused == ""
    assert told.unmet() == []
    models = {route.model for route in gateway_routes(prod)}
    wanted = {"HTTPRoute": {*models, NOWHERE}, "SecurityPolicy": models, "BackendTrafficPolicy": models}
    for kind, names in wanted.items():
        assert {name for accepted, name in told.accepted() if accepted == kind} == names
    assert {("Gateway", "models"), ("GatewayClass", "envoy"), ("ClientTrafficPolicy", "models")} <= (
        told.accepted()
    )


def test_envoy_gateway_accepts_a_gateway_by_keys(
    by_keys: Plan, translated: Callable[..., Translation]
) -> None:
    told = translated(by_keys)
    assert (told.refused, told.unmet()) == ("", [])


def _keys_nowhere(made: Made) -> None:
    provider = made["SecurityPolicy", "code"]["spec"]["jwt"]["providers"][0]
    provider["remoteJWKS"]["uri"] = "not an address"


def _no_such_route(made: Made) -> None:
    made["BackendTrafficPolicy", "code"]["spec"]["targetRefs"][0]["name"] = "gone"


def _no_such_service(made: Made) -> None:
    made["HTTPRoute", "code"]["spec"]["rules"][0]["backendRefs"][0]["name"] = "gone"


def _no_grant(made: Made) -> None:
    del made["ReferenceGrant", "models"]


def _no_certificate(made: Made) -> None:
    made["Gateway", "models"]["spec"]["listeners"][0]["tls"]["certificateRefs"][0]["name"] = "gone"


def _no_such_action(made: Made) -> None:
    made["SecurityPolicy", "code"]["spec"]["authorization"]["defaultAction"] = "Maybe"


def _no_such_tls(made: Made) -> None:
    made["ClientTrafficPolicy", "models"]["spec"]["tls"]["minVersion"] = "0.9"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_keys_nowhere, "SecurityPolicy code: Accepted"),
        (_no_such_service, "HTTPRoute code: ResolvedRefs"),
        (_no_grant, "HTTPRoute code: ResolvedRefs"),
        (_no_certificate, "Gateway models: "),
        (_no_such_action, "defaultAction"),
        (_no_such_tls, "minVersion"),
    ],
)
def test_envoy_gateway_says_what_is_wrong(
    prod: Plan, translated: Callable[..., Translation], change: Change, said: str
) -> None:
    told = translated(prod, change)
    assert said in told.refused or any(each.startswith(said) for each in told.unmet()), (
        told.refused,
        told.unmet(),
    )


def test_envoy_gateway_accepts_no_limit_of_a_route_that_is_not_there(
    prod: Plan, translated: Callable[..., Translation]
) -> None:
    policy_of_code = ("BackendTrafficPolicy", "code")
    assert policy_of_code in translated(prod).accepted()
    assert policy_of_code not in translated(prod, _no_such_route).accepted()


def test_nothing_is_tried_again_and_no_answer_is_bounded_or_kept_back(
    prod: Plan, translated: Callable[..., Translation]
) -> None:
    told = translated(prod)

    def named(part: Any, name: str) -> list[Any]:
        if isinstance(part, list):
            return [found for each in part for found in named(each, name)]
        if isinstance(part, dict):
            own = [part[name]] if name in part else []
            return own + [found for each in part.values() for found in named(each, name)]
        return []

    routes = [
        route for each in named(told.xds, "routes") for route in each if "typedPerFilterConfig" in route
    ]
    assert len(routes) == len(gateway_routes(prod))
    assert all(route["route"]["timeout"] == "0s" for route in routes)
    assert not named(routes, "retryPolicy")
    assert not any("buffer" in str(kind) for kind in named(told.xds, "@type"))


def test_each_proxy_lets_in_its_equal_part_of_a_limit(prod: Plan) -> None:
    gateway = prod.environment.gateway
    assert gateway
    made = gateway_manifests(prod, gateway, "inference")
    limits = {
        (each["metadata"]["name"], rule["clientSelectors"][0]["headers"][0]["value"]): rule["limit"][
            "requests"
        ]
        for each in made
        if each["kind"] == "BackendTrafficPolicy"
        for rule in each["spec"]["rateLimit"]["local"]["rules"]
    }
    assert limits == {
        (model, tenant.claim): tenant.requests_per_minute // gateway.replicas
        for tenant in gateway.tenants
        for model in tenant.models
    }


def test_the_gateway_names_what_checks_the_callers(prod: Plan, by_keys: Plan) -> None:
    assert AUTHENTICATION == policy.AUTHENTICATED
    said = []
    for plan in (prod, by_keys):
        assert plan.environment.gateway
        made = gateway_manifests(plan, plan.environment.gateway, "inference")
        said += [each["metadata"]["annotations"] for each in made if each["kind"] == "Gateway"]
    assert said == [{AUTHENTICATION: "entra"}, {AUTHENTICATION: "api-key"}]


@pytest.mark.parametrize("internal", [True, False])
def test_the_load_balancer_is_private_unless_a_public_one_is_asked_for(
    asked: dict[str, Any], internal: bool
) -> None:
    plan = plan_environment(
        {**asked, "gateway": {**BY_KEYS, "internal": internal}}, name="small", file="small"
    )
    assert plan.environment.gateway
    made = gateway_manifests(plan, plan.environment.gateway, "inference")
    (proxy,) = (each for each in made if each["kind"] == "EnvoyProxy")
    service = proxy["spec"]["provider"]["kubernetes"]["envoyService"]
    assert service.get("annotations", {}).get(policy.INTERNAL) == ("true" if internal else None)


def test_certificate_and_keys_come_from_the_vault_and_stand_nowhere(by_keys: Plan) -> None:
    gateway = by_keys.environment.gateway
    assert gateway
    spec = secret_provider(gateway, Vault("vault", "directory", "client"))["spec"]
    objects = yaml.safe_load(spec["parameters"]["objects"])["array"]
    assert [yaml.safe_load(each)["objectName"] for each in objects] == ["inference", "portal"]
    tls, keys = spec["secretObjects"]
    assert {each["key"] for each in tls["data"]} == {"tls.crt", "tls.key"}
    assert keys["secretName"] == KEYS
    assert keys["data"] == [{"objectName": "portal", "key": "portal"}]
    assert not any(each["kind"] == "Secret" for each in gateway_manifests(by_keys, gateway, "inference"))


def test_the_definition_of_a_provider_class_takes_ours(by_keys: Plan, toolchain: Toolchain) -> None:
    import jsonschema

    definition = yaml.safe_load(toolchain.path(Tool.SECRETS_STORE_CRD).read_text())
    (version,) = (each for each in definition["spec"]["versions"] if each["storage"])
    assert by_keys.environment.gateway
    made = secret_provider(by_keys.environment.gateway, Vault("vault", "directory", "client"))
    jsonschema.validate(made, version["schema"]["openAPIV3Schema"])
    assert made["apiVersion"].endswith(version["name"])
