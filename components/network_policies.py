"""Who may talk to whom in the namespaces that are made here: nobody, and then each hole with its reason.

The functions register nothing, so that tests and docs/network.md read what is sent.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components import gateway_names as gateway
from inference_stack.engine import NETWORK_LABEL, PORTS
from inference_stack.spec import Environment
from inference_stack.telemetry.scrape import DCGM_LABELS, DCGM_NAMESPACE, DCGM_PORT

Manifest = dict[str, Any]
Rule = dict[str, Any]

WHY = "inference-stack.io/why"
"""Annotation of a policy: what the hole is for."""

KUBERAY_NAMESPACE = "kuberay-system"
OPERATOR = {"app.kubernetes.io/component": "kuberay-operator"}
"""Labels of KubeRay's operator, by its own manifests and by its chart, in whatever namespace it lies."""
OPERATOR_METRICS_PORT = 8080

RAY = {"ray.io/is-ray-node": "yes"}
HEADS = {**RAY, "ray.io/node-type": "head"}
"""Labels that KubeRay 1.6.1 gives to pods of Ray: controllers/ray/common/pod.go, labelPod."""

WEIGHTS = {"app.kubernetes.io/name": "weights"}
"""Labels of the job that brings weights into Blob storage."""

SCRAPERS = {"rsName": "ama-metrics"}
"""Labels of Azure Monitor's collector that scrapes pods, in kube-system; not seen on a cluster here. Source:
Azure/prometheus-collector, azure-monitor-metrics-addon/templates/ama-metrics-deployment.yaml. Its pods on
nodes, labelled by `dsName`, do not read what is configured for the whole cluster."""

TLS_PORT = 443

_INSIDE = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
]
"""What is not the internet: private ranges, Azure's host, and the metadata service, which hands out tokens.
"""

INTERNET: Rule = {"ipBlock": {"cidr": "0.0.0.0/0", "except": _INSIDE}}
"""A plain NetworkPolicy knows no names: see docs/network.md for what that leaves open."""


class Ranges(TypedDict):
    """Where what pods reach outside their cluster lies, as peers of a rule."""

    endpoints: Sequence[Rule]
    """Private endpoints of storage, registry and vault; empty where those are reached over the internet."""
    api_server: Sequence[Rule]


_PRIVATE: Sequence[Rule] = [
    {"ipBlock": {"cidr": block}} for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]

UNKNOWN = Ranges(endpoints=_PRIVATE, api_server=[*_PRIVATE, INTERNET])
"""Of a cluster of somebody else's, whose API server and endpoints lie where its owner put them."""


def own_ranges(environment: Environment) -> Ranges:
    """Of the cluster that an environment makes."""
    network, access = environment.network, environment.access
    return Ranges(
        endpoints=[_block(network.endpoints)] if access.private_endpoints else [],
        api_server=[_block(network.api_server) if access.private else INTERNET],
    )


def serving_policies(namespace: str, ranges: Ranges) -> list[Manifest]:
    """Those of a namespace of models. The pods of one service find each other by `service_policy`."""
    kuberay = [{"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}]
    proxies = [_pods(gateway.NAMESPACE, gateway.PROXY_LABELS)]
    return [
        *_closed(namespace),
        _policy(
            namespace,
            "ray-to-azure",
            "weights and adapters in Blob storage or on their hub, and the token for them from Entra",
            RAY,
            egress=[_rule("to", [*ranges["endpoints"], INTERNET], TLS_PORT)],
        ),
        _policy(
            namespace,
            "weights-to-azure",
            "the job reads weights from their hub and writes them into Blob storage, with a token from Entra",
            WEIGHTS,
            egress=[_rule("to", [*ranges["endpoints"], INTERNET], TLS_PORT)],
        ),
        _to_api_server(namespace, "heads", "Ray's autoscaler asks for workers", HEADS, ranges),
        _policy(
            namespace,
            "gateway-to-serve",
            "requests, once the gateway has let them in",
            RAY,
            ingress=[_rule("from", proxies, PORTS["serve"])],
        ),
        _policy(
            namespace,
            "operator-to-heads",
            "KubeRay deploys applications over the dashboard and asks the proxy of the head for its health",
            HEADS,
            ingress=[_rule("from", kuberay, PORTS["dashboard"], PORTS["serve"])],
        ),
        _metrics(namespace, RAY, PORTS["metrics"]),
    ]


def service_policy(namespace: str, service: str) -> Manifest:
    """Pods of one service among themselves.

    On every port: Ray's workers, object managers and vLLM's processes take free ones. Also while two clusters
    of it stand, which are the same models before and after a change.
    """
    own = {NETWORK_LABEL: service}
    peer = [{"podSelector": {"matchLabels": own}}]
    return _policy(
        namespace,
        f"{service}-ray",
        "head and workers of one service, on the ports that Ray and vLLM choose; none to another service",
        own,
        ingress=[{"from": peer}],
        egress=[{"to": peer}],
    )


def kuberay_policies(ranges: Ranges) -> list[Manifest]:
    """Those of the namespace of KubeRay's operator."""
    heads = [{"namespaceSelector": {}, "podSelector": {"matchLabels": HEADS}}]
    return [
        *_closed(KUBERAY_NAMESPACE),
        _to_api_server(
            KUBERAY_NAMESPACE, "operator", "the operator watches what it looks after", OPERATOR, ranges
        ),
        _policy(
            KUBERAY_NAMESPACE,
            "operator-to-heads",
            "KubeRay deploys applications over the dashboard and asks the proxy of the head for its health",
            OPERATOR,
            egress=[_rule("to", heads, PORTS["dashboard"], PORTS["serve"])],
        ),
        _metrics(KUBERAY_NAMESPACE, OPERATOR, OPERATOR_METRICS_PORT),
    ]


def gateway_policies(ranges: Ranges, backends: str) -> list[Manifest]:
    """Those of the namespace of the gateway."""
    namespace, controller, proxy = gateway.NAMESPACE, gateway.CONTROLLER_LABELS, gateway.PROXY_LABELS
    return [
        *_closed(namespace),
        _to_api_server(namespace, "controller", "the controller watches routes", controller, ranges),
        _to_api_server(
            namespace, "certificates", "certificates are kept as secrets", gateway.CERTIFICATES_LABELS, ranges
        ),
        _policy(
            namespace,
            "proxies-to-controller",
            "proxies have their configuration from the controller",
            controller,
            ingress=[_rule("from", [{"podSelector": {"matchLabels": proxy}}], gateway.XDS_PORT)],
        ),
        _policy(
            namespace,
            "proxies-out",
            "their configuration, the models, and the keys by which Entra signs",
            proxy,
            egress=[
                _rule("to", [{"podSelector": {"matchLabels": controller}}], gateway.XDS_PORT),
                _rule("to", [_pods(backends, RAY)], PORTS["serve"]),
                _rule("to", [INTERNET], TLS_PORT),
            ],
        ),
        _policy(
            namespace,
            "clients-to-proxies",
            "clients, over the load balancer, which keeps their addresses",
            proxy,
            ingress=[_rule(None, [], gateway.PROXY_HTTPS_PORT)],
        ),
        _metrics(namespace, controller, gateway.CONTROLLER_METRICS_PORT, "controller-metrics"),
        _metrics(namespace, proxy, gateway.PROXY_METRICS_PORT, "proxy-metrics"),
    ]


def exporter_policy() -> Manifest:
    """That of NVIDIA's exporter: it is scraped, and asks nobody. The rest of its namespace is AKS's own."""
    policy = _metrics(DCGM_NAMESPACE, DCGM_LABELS, DCGM_PORT, "dcgm-exporter")
    policy["spec"]["policyTypes"] = ["Ingress", "Egress"]
    return policy


class NetworkPoliciesArgs(TypedDict):
    """What network policies need."""

    policies: Sequence[Mapping[str, Any]]
    """Required. Manifests, from the functions of this module."""


class NetworkPolicies(pulumi.ComponentResource):
    """The network policies of one namespace or of one service."""

    def __init__(
        self, name: str, args: NetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register them; a namespace must be there before."""
        super().__init__("inference-stack:index:NetworkPolicies", name, {}, opts)
        for policy in args["policies"]:
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-{policy['metadata']['name']}",
                metadata=policy["metadata"],
                spec=policy["spec"],
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})


def _closed(namespace: str) -> list[Manifest]:
    """Nobody reaches a pod, no pod reaches anybody, but for the names of what it is allowed to reach."""
    dns = [_pods("kube-system", {"k8s-app": "kube-dns"})]
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    closed: Manifest = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(namespace, "default-deny", "what no other policy allows is refused"),
            "spec": closed,
        },
        _policy(namespace, "dns", "names are looked up", {}, egress=[{"to": dns, "ports": ports}]),
    ]


def _to_api_server(namespace: str, who: str, why: str, labels: Mapping[str, str], ranges: Ranges) -> Manifest:
    to = _rule("to", ranges["api_server"], TLS_PORT)
    return _policy(namespace, f"{who}-to-api-server", why, labels, egress=[to])


def _metrics(namespace: str, labels: Mapping[str, str], port: int, name: str = "metrics") -> Manifest:
    scrapers = [_pods("kube-system", SCRAPERS)]
    why = "Azure Monitor's collector scrapes"
    return _policy(namespace, name, why, labels, ingress=[_rule("from", scrapers, port)])


def _policy(
    namespace: str,
    name: str,
    why: str,
    labels: Mapping[str, str],
    *,
    ingress: Sequence[Rule] = (),
    egress: Sequence[Rule] = (),
) -> Manifest:
    rules = {"ingress": list(ingress), "egress": list(egress)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(namespace, name, why),
        "spec": {
            "podSelector": {"matchLabels": dict(labels)} if labels else {},
            "policyTypes": [direction.capitalize() for direction, found in rules.items() if found],
            **{direction: found for direction, found in rules.items() if found},
        },
    }


def _metadata(namespace: str, name: str, why: str) -> Manifest:
    return {"name": name, "namespace": namespace, "annotations": {WHY: why}}


def _rule(side: str | None, peers: Sequence[Rule], *ports: int) -> Rule:
    rule: Rule = {"ports": [{"protocol": "TCP", "port": port} for port in ports]}
    return {side: list(peers), **rule} if side else rule


def _pods(namespace: str, labels: Mapping[str, str]) -> Rule:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }


def _block(addresses: IPv4Network) -> Rule:
    return {"ipBlock": {"cidr": str(addresses)}}
