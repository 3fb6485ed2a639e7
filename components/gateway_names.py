"""Names of the gateway's parts, which its network policies and the models' know too."""

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
"""What a GatewayClass calls Envoy Gateway by."""
NAMESPACE = "envoy-gateway-system"
"""Namespace of everything of the gateway: controller, proxies, routes, policies and secrets."""
CLASS = "envoy"
GATEWAY = "models"
PROXY = "models"

CONTROLLER_LABELS = {"control-plane": "envoy-gateway", "app.kubernetes.io/instance": "envoy-gateway"}
"""Labels of the controller's pods, which Envoy Gateway's chart gives."""
CERTIFICATES_LABELS = {"app": "certgen"}
"""Labels of the pod that makes the certificates of controller and proxies, before each release."""
PROXY_LABELS = {
    "app.kubernetes.io/name": "envoy",
    "app.kubernetes.io/component": "proxy",
    "gateway.envoyproxy.io/owning-gateway-name": GATEWAY,
    "gateway.envoyproxy.io/owning-gateway-namespace": NAMESPACE,
}
"""Labels of the proxies' pods, which the controller gives."""

XDS_PORT = 18000
"""Port of the controller, over mutual TLS, from which proxies have their configuration."""
CONTROLLER_METRICS_PORT = 19001
HTTPS_PORT = 443
"""Port of the gateway's load balancer."""
PROXY_HTTPS_PORT = 10443
"""Port of the proxies' pods behind it: the controller adds 10,000 to one below 1,024."""
PROXY_READINESS_PORT = 19003
PROXY_METRICS_PORT = 19001
