"""Who reaches the API server: a private one over a way that ends there, a public one over the internet."""

from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding, Severity
from inference_stack.spec.network import Access, Deployer, Route

from .network import apart
from .rules import distinct, readable, under

MOST_AUTHORIZED = 200
"""Ranges that may reach a public API server; AKS takes no more."""

OF_ROUTE = {"network": Route.PEERING, "network_range": Route.PEERING, "proxy": Route.PROXY}
"""Keys of a deployer that belong to one way, and to no other."""


def access_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions about who reaches and administers the cluster."""
    for rule in (_authorized, _groups, _way):
        yield from under("access", readable(rule(environment)))
    for name in OF_ROUTE:
        yield from under("access.deployer", readable(_setting(environment, name)))
    yield from under("access.deployer", readable(_kind(environment)))
    yield from under("access.deployer", readable(_rights(environment)))
    for name in ("address_space", "pods", "services"):
        yield from readable(_peered(environment, name))


def _authorized(environment: Environment) -> Iterator[Finding]:
    ranges = environment.access.authorized_ranges
    yield from distinct("authorized_ranges", ranges, str)
    if len(ranges) > MOST_AUTHORIZED:
        yield Finding(
            code="too-many",
            path="authorized_ranges",
            given=str(len(ranges)),
            what="is more ranges than AKS takes",
            allowed=f"at most {MOST_AUTHORIZED}",
        )
    if ranges and environment.access.private:
        yield Finding(
            code="ranges-of-private-api",
            path="authorized_ranges",
            given=", ".join(map(str, ranges[:3])),
            what="may reach a public API server, and this one is private",
            allowed="nothing here, or private: false",
        )


def _groups(environment: Environment) -> Iterator[Finding]:
    yield from distinct("admin_groups", environment.access.admin_groups, str)


def _way(environment: Environment) -> Iterator[Finding]:
    access: Access = environment.access
    route = access.deployer.route
    if access.private and route is Route.PUBLIC:
        yield Finding(
            code="route-closed",
            path="deployer.route",
            given=route.value,
            what="ends nowhere: a private API server has no address outside",
            allowed="inside, peering or proxy; or access.private: false",
        )
    if not access.private and route is Route.PEERING:
        yield Finding(
            code="route-without-end",
            path="deployer.route",
            given=route.value,
            what="joins two networks for an API server that is not inside one of them",
            allowed="public or proxy; or access.private: true",
        )


def _setting(environment: Environment, name: str) -> Iterator[Finding]:
    deployer: Deployer = environment.access.deployer
    wanted, given = OF_ROUTE[name], getattr(deployer, name)
    if given is None and deployer.route is wanted:
        yield Finding(
            code="missing-key",
            path=name,
            what=f"is not there, and the way over {wanted.value} needs it",
            allowed=Deployer.model_fields[name].description,
        )
    if given is not None and deployer.route is not wanted:
        yield Finding(
            code="setting-unused",
            path=name,
            given=str(given),
            what=f"is for a way over {wanted.value}, and the deployer's is {deployer.route.value}",
            allowed=f"nothing here, or route: {wanted.value}",
        )


def _kind(environment: Environment) -> Iterator[Finding]:
    deployer = environment.access.deployer
    if "kind" in deployer.model_fields_set and deployer.object_id is None:
        yield Finding(
            code="setting-unused",
            path="kind",
            given=deployer.kind.value,
            what="says what nobody is: there is no object_id beside it",
            allowed="nothing here, or object_id besides",
        )


def _rights(environment: Environment) -> Iterator[Finding]:
    access = environment.access
    if access.admin_groups and access.deployer.object_id is None:
        yield Finding(
            code="deployer-without-rights",
            severity=Severity.WARNING,
            path="object_id",
            what=(
                "is not there, so nobody is given the right to make objects in the cluster but the members "
                "of access.admin_groups: any other deployer gets 403 for the first of them"
            ),
            allowed="the Entra object id of who deploys; or nothing, if that is a member of such a group",
        )


def _peered(environment: Environment, name: str) -> Iterator[Finding]:
    deployer = environment.access.deployer
    if deployer.route is Route.PEERING and deployer.network_range is not None:
        taken = getattr(environment.network, name)
        yield from apart(deployer.network_range, taken, "access.deployer.network_range", f"network.{name}")
