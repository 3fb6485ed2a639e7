"""Who is let in by the gateway: tenants that are told apart, and models that are there."""

from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding
from inference_stack.spec.gateway import MOST_TENANTS, Gateway, GatewayTenant

from .rules import distinct, readable, under, unique_names

OF_AUTHENTICATION = {"claim": "entra", "api_key": "api-keys"}
"""Keys of a tenant that belong to one way to say who asks."""


def gateway_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions about the gateway, where there is one."""
    yield from under("gateway", readable(_all(environment)))


def _all(environment: Environment) -> Iterator[Finding]:
    gateway = environment.gateway
    if gateway is None:
        return
    yield from readable(_runtime(environment))
    yield from readable(_entra(gateway))
    yield from readable(unique_names("tenants", gateway.tenants, lambda tenant: tenant.name))
    yield from distinct("tenants", gateway.tenants, lambda tenant: tenant.claim, ".claim")
    yield from distinct("tenants", gateway.tenants, lambda tenant: tenant.api_key, ".api_key")
    yield from readable(_crowded(gateway))
    for index, tenant in enumerate(gateway.tenants):
        for name in OF_AUTHENTICATION:
            yield from under(f"tenants[{index}]", readable(_identity(gateway, tenant, name)))
        yield from under(f"tenants[{index}]", readable(_models(environment, tenant)))
        yield from under(f"tenants[{index}]", readable(_limit(gateway, tenant)))


def _runtime(environment: Environment) -> Iterator[Finding]:
    if environment.cluster.runtime != "ray":
        yield Finding(
            code="gateway-without-ray",
            path="authentication",
            given=environment.gateway and environment.gateway.authentication,
            what=f"is for Ray's own services, and cluster.runtime is {environment.cluster.runtime}",
            allowed="no gateway, or cluster.runtime: ray",
        )


def _entra(gateway: Gateway) -> Iterator[Finding]:
    if gateway.authentication == "entra" and gateway.entra is None:
        yield Finding(
            code="missing-key",
            path="entra",
            what="is not there, and authentication: entra needs it",
            allowed="tenant_id and audience of the tokens",
        )
    if gateway.authentication != "entra" and gateway.entra is not None:
        yield Finding(
            code="setting-unused",
            path="entra",
            what=f"says which tokens are taken, and authentication is {gateway.authentication}",
            allowed="nothing here, or authentication: entra",
        )


def _identity(gateway: Gateway, tenant: GatewayTenant, name: str) -> Iterator[Finding]:
    wanted, given = OF_AUTHENTICATION[name], getattr(tenant, name)
    if given is None and gateway.authentication == wanted:
        yield Finding(
            code="missing-key",
            path=name,
            what=f"is not there, and authentication: {wanted} knows the tenant by it",
            allowed=GatewayTenant.model_fields[name].description,
        )
    if given is not None and gateway.authentication != wanted:
        yield Finding(
            code="setting-unused",
            path=name,
            given=str(given),
            what=f"goes with {wanted}, and authentication is {gateway.authentication}",
            allowed=f"nothing here, or authentication: {wanted}",
        )


def _models(environment: Environment, tenant: GatewayTenant) -> Iterator[Finding]:
    yield from distinct("models", tenant.models, str)
    known = [model.name for model in environment.models]
    for index, name in enumerate(tenant.models):
        if name not in known:
            yield Finding(
                code="unknown-model-name",
                path=f"models[{index}]",
                given=name,
                what="is no model of this environment",
                allowed=", ".join(known),
            )


def _limit(gateway: Gateway, tenant: GatewayTenant) -> Iterator[Finding]:
    if tenant.requests_per_minute < gateway.replicas:
        yield Finding(
            code="limit-below-replicas",
            path="requests_per_minute",
            given=str(tenant.requests_per_minute),
            what=f"leaves nothing to some of the {gateway.replicas} replicas: each lets in its part",
            allowed=f"at least {gateway.replicas}",
        )


def _crowded(gateway: Gateway) -> Iterator[Finding]:
    asked = [name for tenant in gateway.tenants for name in set(tenant.models)]
    for name in sorted(set(asked)):
        if asked.count(name) > MOST_TENANTS:
            yield Finding(
                code="too-many",
                path="tenants",
                given=f"{asked.count(name)} for {name}",
                what="is more tenants of one model than Envoy Gateway keeps limits for",
                allowed=f"at most {MOST_TENANTS}",
            )
