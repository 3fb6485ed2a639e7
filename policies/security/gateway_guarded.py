"""Whoever asks a model from outside says who they are, over TLS."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.context import Context
from policies.kinds import RAY_SERVICE, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen, maps

SERVICE = "kubernetes:core/v1:Service"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
AUTHENTICATED = "inference-stack.io/authentication"
"""Annotation that names what checks who asks, on whatever lets requests in."""
TLS_PORTS = {443, 8443}


@rule(
    demand="What lets requests in from outside ends TLS and checks who asks.",
    why="A model behind an open port works for everybody, who read its answers and run up the bill.",
    remedy=f"let a gateway with TLS stand in front, and name what checks the callers: {AUTHENTICATED}: entra",
    on=[SERVICE, INGRESS, GATEWAY, RAY_SERVICE],
    references=[cis_aks("5.4.5"), mcsb("DP-3"), mcsb("IM-1"), mcsb("NS-6")],
)
def gateway_guarded(way_in: Seen, _: Context) -> Iterator[Violation]:
    """Ways in without TLS, or without anything that checks who asks."""
    outside = list(_open(way_in))
    for path, given, what, allowed in outside:
        yield Violation(path, given, what, allowed)
    if _lets_in(way_in) and AUTHENTICATED not in _annotations(way_in):
        path = f"metadata.annotations[{AUTHENTICATED}]"
        yield Violation(path, None, "does not say what checks who asks", "entra, oidc, mtls or api-key")


def _lets_in(way_in: Seen) -> bool:
    if way_in.type == SERVICE:
        return way_in.get("spec.type") == "LoadBalancer" and _annotations(way_in).get(INTERNAL) != "true"
    if way_in.type == RAY_SERVICE:
        return way_in.get("spec.serveService.spec.type") == "LoadBalancer"
    return True


def _annotations(way_in: Seen) -> Mapping[str, Any]:
    return way_in.plain("metadata.annotations", {})


def _open(way_in: Seen) -> Iterator[tuple[str, str | None, str, str]]:
    if not _lets_in(way_in):
        return
    match way_in.type:
        case "kubernetes:core/v1:Service":
            for index, port in enumerate(maps(way_in.get("spec.ports"))):
                if int(port.get("port") or 0) not in TLS_PORTS:
                    yield f"spec.ports[{index}].port", f"{port.get('port'):g}", "is open without TLS", "443"
        case "kubernetes:ray.io/v1:RayService":
            path = "spec.serveService.spec.type"
            yield (
                path,
                "LoadBalancer",
                "opens Ray Serve, which speaks HTTP alone",
                "ClusterIP, behind a gateway",
            )
        case "kubernetes:networking.k8s.io/v1:Ingress":
            if not way_in.get("spec.tls"):
                yield "spec.tls", None, "lets requests in without TLS", "a host with its secret"
        case _:
            for index, listener in enumerate(maps(way_in.get("spec.listeners"))):
                if listener.get("protocol") not in {"HTTPS", "TLS"}:
                    path = f"spec.listeners[{index}].protocol"
                    yield path, listener.get("protocol"), "lets requests in without TLS", "HTTPS"
