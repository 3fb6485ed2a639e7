"""Which service the gateway sends the requests for a model to, and who may make them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from inference_stack.spec import Environment, Finding, GatewayTenant

from .plan import Plan, PlannedModel, PlannedPool
from .services import Service, services


class GatewayRoute(NamedTuple):
    """The way of the requests for one model."""

    model: str
    service: str
    """Name of the RayService."""
    tenants: tuple[GatewayTenant, ...]
    """Who may ask it."""


def gateway_routes(plan: Plan) -> tuple[GatewayRoute, ...]:
    """A route for every model that some tenant may ask; none without a gateway."""
    gateway = plan.environment.gateway
    if gateway is None:
        return ()
    routes = (
        GatewayRoute(
            model.name,
            service.name,
            tuple(tenant for tenant in gateway.tenants if model.name in tenant.models),
        )
        for service in services(plan.models)
        for model in service.models
    )
    return tuple(route for route in routes if route.tenants)


def gateway_findings(
    environment: Environment, pools: Iterable[PlannedPool], models: Iterable[PlannedModel]
) -> Iterator[Finding]:
    """What a tenant is promised and the gateway cannot keep."""
    if environment.gateway is None:
        return
    elsewhere = {pool.name for pool in pools if pool.existing}
    of_model = {model.name: service for service in services(models) for model in service.models}
    for index, tenant in enumerate(environment.gateway.tenants):
        for position, name in enumerate(tenant.models):
            service = of_model.get(name)
            if service is None:
                continue
            path = f"gateway.tenants[{index}].models[{position}]"
            if service.models[0].pool in elsewhere:
                yield Finding(
                    code="model-beyond-gateway",
                    path=path,
                    given=name,
                    what=f"runs on pool {service.models[0].pool} of another cluster, where no gateway is",
                    allowed="models of pools that are not existing",
                )
            yield from _beside(path, name, tenant.models, service)


def _beside(path: str, name: str, may: Sequence[str], service: Service) -> Iterator[Finding]:
    """One service answers for every model that shares its GPUs, whatever path a request came by."""
    if beside := [model.name for model in service.models if model.name not in may]:
        yield Finding(
            code="tenant-reaches-more",
            path=path,
            given=name,
            what=f"shares its GPUs and its service with {', '.join(beside)}, which this tenant may not ask; "
            "the service would answer it all the same",
            allowed=f"all of {', '.join(model.name for model in service.models)}; or isolation: dedicated",
        )
