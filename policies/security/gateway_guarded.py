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
PUBLIC = "LoadBalancer"
TLS_PORTS = {443, 8443}
TLS_PROTOCOLS = {"HTTPS", "TLS"}


@rule(
    demand="What lets requests in from outside ends TLS and checks who asks.",
    why="A model behind an open port works for everybody, who read its answers and run up the bill.",
    remedy=f"let a gateway with TLS stand in front, and name what checks the callers: {AUTHENTICATED}: entra",
    on=[SERVICE, INGRESS, GATEWAY, RAY_SERVICE],
    references=[cis_aks("5.4.5"), mcsb("DP-3"), mcsb("IM-1")],
)
def gateway_guarded(way_in: Seen, _: Context) -> Iterator[Violation]:
    """Ways in without TLS, or without anything that checks who asks."""
    if not _lets_in(way_in):
        return
    yield from _without_tls(way_in)
    if AUTHENTICATED not in _annotations(way_in):
        path = f"metadata.annotations[{AUTHENTICATED}]"
        yield Violation(path, None, "does not say what checks who asks", "entra, oidc, mtls or api-key")


def _lets_in(way_in: Seen) -> bool:
    if way_in.type == SERVICE:
        return way_in.get("spec.type") == PUBLIC and _annotations(way_in).get(INTERNAL) != "true"
    if way_in.type == RAY_SERVICE:
        return way_in.get("spec.serveService.spec.type") == PUBLIC
    return True


def _annotations(way_in: Seen) -> Mapping[str, Any]:
    return way_in.plain("metadata.annotations", {})


def _without_tls(way_in: Seen) -> Iterator[Violation]:
    if way_in.type == SERVICE:
        for index, port in enumerate(maps(way_in.get("spec.ports"))):
            number = int(port.get("port") or 0)
            if number not in TLS_PORTS:
                yield Violation(f"spec.ports[{index}].port", str(number), "is open without TLS", "443")
    elif way_in.type == RAY_SERVICE:
        what = "opens Ray Serve, which speaks HTTP alone"
        yield Violation("spec.serveService.spec.type", PUBLIC, what, "ClusterIP, behind a gateway")
    elif way_in.type == INGRESS and not way_in.get("spec.tls"):
        yield Violation("spec.tls", None, "lets requests in without TLS", "a host with its secret")
    for index, listener in enumerate(maps(way_in.get("spec.listeners"))):
        protocol = listener.get("protocol")
        if protocol not in TLS_PROTOCOLS:
            path = f"spec.listeners[{index}].protocol"
            yield Violation(path, protocol, "lets requests in without TLS", "HTTPS")
