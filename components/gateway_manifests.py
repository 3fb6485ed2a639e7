"""What Envoy Gateway is asked for: one gateway, and for every model a route with its guards.

Registers nothing. Manifests are in JSON types, in the order in which they may be applied.
"""

from typing import Any, NamedTuple

from components import gateway_names as names
from components.gateway_refusals import SILENT_S, SLOW_S, nowhere, overrides
from inference_stack.engine import DRAIN_S, PORTS
from inference_stack.planner import GatewayRoute, Plan, gateway_routes, pool_labels
from inference_stack.spec import HEADS_POOL, Gateway, GatewayTenant

Manifest = dict[str, Any]

AUTHENTICATION = "inference-stack.io/authentication"
"""Annotation that names what checks who asks; the policy gateway-guarded wants it."""
TENANT_HEADER = "x-tenant"
"""Header by which limits and models know the tenant; taken out of what callers send."""
CERTIFICATE, KEYS, VAULT = "gateway-certificate", "gateway-keys", "gateway-vault"
"""Secrets of Kubernetes that the provider class of the last name keeps in step with Key Vault."""
HTTPS = "https"
NOWHERE = "no.model"
"""Route of all paths that are no model's, whose names have no dot."""
MOST_REQUESTS = 16_384
"""Requests and connections of a model at once, through one proxy: the application refuses long before.
Envoy's own default is 1,024."""
BALANCER_IDLE = "service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout"
BALANCER_IDLE_MINUTES = 30
"""Azure's load balancer ends connections that are silent for so long; 4 minutes, unless told."""
INTERNAL_BALANCER = "service.beta.kubernetes.io/azure-load-balancer-internal"


class Vault(NamedTuple):
    """Where certificate and keys lie, and who reads them there."""

    name: str
    """Name of the Key Vault."""
    directory: str
    """GatewayTenant id of the directory that it belongs to."""
    client_id: str
    """Client id of the identity that the controller's pods hold."""


def gateway_manifests(plan: Plan, gateway: Gateway, backends: str) -> list[Manifest]:
    """Everything but the secrets; `backends` is the namespace of the services."""
    return [
        _class(),
        _proxy(plan, gateway),
        _gateway(gateway),
        _callers(),
        _grant(backends),
        *_nowhere(gateway),
        *(manifest for route in gateway_routes(plan) for manifest in _way(gateway, route, backends)),
    ]


def secret_provider(gateway: Gateway, vault: Vault) -> Manifest:
    """What is fetched from Key Vault, and the secrets of Kubernetes that it becomes."""
    keys = [tenant for tenant in gateway.tenants if tenant.api_key]
    objects = [gateway.certificate, *(str(tenant.api_key) for tenant in keys)]
    # A certificate is read as the secret of the same name, which has the private key too.
    entries = "".join(f"  - |\n    objectName: {name}\n    objectType: secret\n" for name in objects)
    pair = [{"objectName": gateway.certificate, "key": key} for key in ("tls.key", "tls.crt")]
    wanted = [{"secretName": CERTIFICATE, "type": "kubernetes.io/tls", "data": pair}]
    if keys:
        data = [{"objectName": tenant.api_key, "key": tenant.name} for tenant in keys]
        wanted.append({"secretName": KEYS, "type": "Opaque", "data": data})
    spec = {
        "provider": "azure",
        "parameters": {
            "clientID": vault.client_id,
            "keyvaultName": vault.name,
            "tenantId": vault.directory,
            "objects": f"array:\n{entries}",
        },
        "secretObjects": wanted,
    }
    return _manifest("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", VAULT, spec)


def _class() -> Manifest:
    made = _manifest(
        "gateway.networking.k8s.io/v1", "GatewayClass", names.CLASS, {"controllerName": names.CONTROLLER}
    )
    del made["metadata"]["namespace"]
    return made


def _proxy(plan: Plan, gateway: Gateway) -> Manifest:
    """The proxies themselves, on the nodes of the Ray heads."""
    images = plan.environment.images
    size = {"cpu": "1", "memory": "1Gi"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": names.PROXY_LABELS},
    }
    kubernetes: Manifest = {
        "envoyDeployment": {
            "replicas": gateway.replicas,
            "container": {
                "image": images.pulled(images.envoy),
                "resources": {"requests": size, "limits": {"memory": size["memory"]}},
                # Of both containers. Envoy writes to /dev/shm alone.
                "securityContext": {"readOnlyRootFilesystem": True},
            },
            "pod": {
                "nodeSelector": pool_labels(HEADS_POOL),
                "topologySpreadConstraints": [spread],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
            "patch": {"type": "StrategicMerge", "value": _drained()},
        },
        "envoyService": {
            "type": "LoadBalancer",
            "annotations": {
                BALANCER_IDLE: str(BALANCER_IDLE_MINUTES),
                **({INTERNAL_BALANCER: "true"} if gateway.internal else {}),
            },
        },
    }
    if gateway.replicas > 1:
        kubernetes["envoyPDB"] = {"minAvailable": 1}
    spec = {
        "provider": {"type": "Kubernetes", "kubernetes": kubernetes},
        # As long as a replica of a model takes to finish what it has begun.
        "shutdown": {"drainTimeout": f"{DRAIN_S}s"},
    }
    return _manifest("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", names.PROXY, spec)


def _drained() -> Manifest:
    """Where the container beside Envoy writes that its requests are answered (shutdown_manager.go)."""
    mounted = [{"name": "scratch", "mountPath": "/tmp"}]  # noqa: S108 - a volume of the pod
    containers = [{"name": "shutdown-manager", "volumeMounts": mounted}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def _gateway(gateway: Gateway) -> Manifest:
    listener = {
        "name": HTTPS,
        "protocol": "HTTPS",
        "port": names.HTTPS_PORT,
        "hostname": gateway.host,
        "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": CERTIFICATE}]},
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }
    said = {AUTHENTICATION: "entra" if gateway.authentication == "entra" else "api-key"}
    parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": names.PROXY}
    spec = {
        "gatewayClassName": names.CLASS,
        "infrastructure": {"annotations": said, "parametersRef": parameters},
        "listeners": [listener],
    }
    made = _manifest("gateway.networking.k8s.io/v1", "Gateway", names.GATEWAY, spec)
    made["metadata"]["annotations"] = dict(said)
    return made


def _callers() -> Manifest:
    """How callers are met. Nothing bounds the length of an answer; one that has gone silent is ended."""
    spec = {
        "targetRefs": [_target("Gateway", names.GATEWAY)],
        "tls": {"minVersion": "1.2"},
        "timeout": {
            "http": {"requestReceivedTimeout": f"{SLOW_S}s", "streamIdleTimeout": f"{SILENT_S}s"},
        },
        "headers": {"earlyRequestHeaders": {"remove": [TENANT_HEADER]}},
    }
    return _manifest("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy", names.GATEWAY, spec)


def _grant(backends: str) -> Manifest:
    group = "gateway.networking.k8s.io"
    spec = {
        "from": [{"group": group, "kind": "HTTPRoute", "namespace": names.NAMESPACE}],
        "to": [{"group": "", "kind": "Service"}],
    }
    made = _manifest(f"{group}/v1beta1", "ReferenceGrant", names.GATEWAY, spec)
    made["metadata"]["namespace"] = backends
    return made


def _nowhere(gateway: Gateway) -> list[Manifest]:
    """Every path that is no model's, answered here."""
    eg = "gateway.envoyproxy.io"
    answer = {"directResponse": nowhere(gateway).response()}
    filtered = {
        "type": "ExtensionRef",
        "extensionRef": {"group": eg, "kind": "HTTPRouteFilter", "name": NOWHERE},
    }
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": [filtered]}
    return [
        _manifest(f"{eg}/v1alpha1", "HTTPRouteFilter", NOWHERE, answer),
        _http_route(gateway, NOWHERE, rule),
    ]


def _way(gateway: Gateway, route: GatewayRoute, backends: str) -> list[Manifest]:
    """The route of a model, who may take it, and how often."""
    eg = "gateway.envoyproxy.io/v1alpha1"
    target = {"targetRefs": [_target("HTTPRoute", route.model)]}
    return [
        _route(gateway, route, backends),
        _manifest(eg, "SecurityPolicy", route.model, {**target, **_security(gateway, route)}),
        _manifest(eg, "BackendTrafficPolicy", route.model, {**target, **_traffic(gateway, route)}),
    ]


def _route(gateway: Gateway, route: GatewayRoute, backends: str) -> Manifest:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{route.model}/v1"}}],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v1"}},
            },
            # What a caller proves itself by is nothing to the model.
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["authorization"]}},
        ],
        # By the name that KubeRay gives the service of a RayService.
        "backendRefs": [
            {"name": f"{route.service}-serve-svc", "namespace": backends, "port": PORTS["serve"]}
        ],
        # An answer may take as long as it takes.
        "timeouts": {"request": "0s"},
    }
    return _http_route(gateway, route.model, rule)


def _http_route(gateway: Gateway, name: str, rule: Manifest) -> Manifest:
    spec = {
        "parentRefs": [{"name": names.GATEWAY, "sectionName": HTTPS}],
        "hostnames": [gateway.host],
        "rules": [rule],
    }
    return _manifest("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def _security(gateway: Gateway, route: GatewayRoute) -> Manifest:
    """Who asks, and whether they may: without a proof 401, as somebody else 403."""
    told = [_identity(tenant) for tenant in route.tenants]
    if gateway.entra is None:
        proof: Manifest = {
            "apiKeyAuth": {
                "credentialRefs": [{"kind": "Secret", "name": KEYS}],
                # As OpenAI's clients send it; Envoy takes "Bearer " away.
                "extractFrom": [{"headers": ["authorization"]}],
                "forwardClientIDHeader": TENANT_HEADER,
                "sanitize": True,
            }
        }
        who: Manifest = {"headers": [{"name": TENANT_HEADER, "values": told}]}
    else:
        entra = gateway.entra
        directory = f"https://login.microsoftonline.com/{entra.tenant_id}"
        provider = {
            "name": "entra",
            "issuer": f"{directory}/v2.0",
            "audiences": [entra.audience],
            "remoteJWKS": {"uri": f"{directory}/discovery/v2.0/keys"},
            "claimToHeaders": [{"claim": entra.claim, "header": TENANT_HEADER}],
            # Otherwise also from the address, which lands in logs.
            "extractFrom": {"headers": [{"name": "Authorization", "valuePrefix": "Bearer "}]},
        }
        proof = {"jwt": {"providers": [provider]}}
        who = {"jwt": {"provider": "entra", "claims": [{"name": entra.claim, "values": told}]}}
    rule = {"name": "tenants", "action": "Allow", "principal": who}
    return {**proof, "authorization": {"defaultAction": "Deny", "rules": [rule]}}


def _traffic(gateway: Gateway, route: GatewayRoute) -> Manifest:
    """Each tenant's limit, of which a proxy keeps its part by itself; no retries, and no end of an answer."""
    parts = [tenant.requests_per_minute // gateway.replicas for tenant in route.tenants]
    limits = [
        {
            "clientSelectors": [{"headers": [{"name": TENANT_HEADER, "value": _identity(tenant)}]}],
            "limit": {"requests": part, "unit": "Minute"},
        }
        for tenant, part in zip(route.tenants, parts, strict=True)
    ]
    at_once = ("maxConnections", "maxPendingRequests", "maxParallelRequests")
    return {
        "rateLimit": {"local": {"rules": limits}},
        "circuitBreaker": dict.fromkeys(at_once, MOST_REQUESTS),
        "timeout": {"http": {"requestTimeout": "0s"}},
        "responseOverride": overrides(gateway, route.model, parts),
    }


def _identity(tenant: GatewayTenant) -> str:
    """What a proof says of a tenant: the value of the claim, or the name beside the key."""
    return tenant.claim or tenant.name


def _target(kind: str, name: str) -> Manifest:
    return {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}


def _manifest(api_version: str, kind: str, name: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": names.NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
