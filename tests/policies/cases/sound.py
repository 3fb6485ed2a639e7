"""A stack that keeps every rule, from builders whose parts can be changed."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import yaml

from tests.policies.holding import Made

AZURE, KUBERNETES = "azure-native:", "kubernetes:"
DIGEST = "@sha256:" + "0" * 64
IMAGE = f"acme.azurecr.io/rayproject/ray-llm:2.60.0-py312-cu130{DIGEST}"
TAGS = {"environment": "test", "owner": "platform"}
HERE = {"resourceGroupName": "rg", "location": "swedencentral", "tags": TAGS}
NC40 = "Standard_NC40ads_H100_v5"
POOL_LABEL = "inference-stack.io/pool"
TAINT = "nvidia.com/gpu=present:NoSchedule"
TEMPLATE = "k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_"

ENVIRONMENT: dict[str, Any] = {
    "region": "swedencentral",
    "storage_account": "acmeweights",
    "tags": TAGS,
    "pools": [{"name": "slices", "sku": NC40, "mig": {"profile": "MIG2g"}, "nodes": {"max": 2}}],
    "models": [
        {
            "name": "copilot",
            "source": "mistralai/Mistral-7B-Instruct-v0.3",
            "context_tokens": 8192,
            "replicas": {"max": 1},
            "placement": {"pool": "slices"},
        }
    ],
    "governance": {"registries": ["acme.azurecr.io"]},
    "budget": {"usd_per_hour": 100},
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with changes by path of names with dots between; None takes a key away."""
    made = deepcopy(dict(base))
    for path, value in changes.items():
        *above, last = path.split("/")
        place: Any = made
        for name in above:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        if value is None:
            place.pop(last, None)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return made


def azure(kind: str, props: Mapping[str, Any], name: str, changes: Mapping[str, Any]) -> Made:
    return Made(AZURE + kind, name, merged({**HERE, **props}, changes))


def cluster(name: str = "cluster", **changes: Any) -> Made:
    props = {
        "apiServerAccessProfile": {"enablePrivateCluster": True},
        "aadProfile": {"managed": True, "enableAzureRBAC": True},
        "enableRBAC": True,
        "disableLocalAccounts": True,
        "oidcIssuerProfile": {"enabled": True},
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "networkProfile": {"networkPlugin": "azure", "networkPolicy": "cilium", "networkDataplane": "cilium"},
        "identity": {"type": "SystemAssigned"},
        "dnsPrefix": name,
        "agentPoolProfiles": [{"name": "system", "mode": "System", "vmSize": "Standard_D4ds_v5", "count": 1}],
    }
    return azure("containerservice:ManagedCluster", props, name, changes)


def pool(name: str = "slices", **changes: Any) -> Made:
    props = {
        "resourceName": "aks",
        "agentPoolName": name.replace("-", "")[:12],
        "mode": "User",
        "vmSize": NC40,
        "gpuInstanceProfile": "MIG2g",
        "enableAutoScaling": True,
        "count": 0,
        "minCount": 0,
        "maxCount": 2,
        "nodeLabels": {POOL_LABEL: name},
        "nodeTaints": [TAINT],
        "tags": {**TAGS, f"{TEMPLATE}gpu": "3"},
    }
    made = merged({**props, "resourceGroupName": "rg"}, changes)
    return Made(f"{AZURE}containerservice:AgentPool", name, made)


def storage(name: str = "weights", **changes: Any) -> Made:
    props = {
        "kind": "StorageV2",
        "sku": {"name": "Standard_ZRS"},
        "publicNetworkAccess": "Disabled",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
    }
    return azure("storage:StorageAccount", props, name, changes)


def registry(name: str = "registry", **changes: Any) -> Made:
    props = {"sku": {"name": "Premium"}, "publicNetworkAccess": "Disabled", "adminUserEnabled": False}
    return azure("containerregistry:Registry", props, name, changes)


def vault(name: str = "vault", **changes: Any) -> Made:
    props = {
        "properties": {
            "sku": {"family": "A", "name": "standard"},
            "tenantId": "00000000-0000-4000-8000-000000000001",
            "publicNetworkAccess": "disabled",
            "enableRbacAuthorization": True,
            "enableSoftDelete": True,
            "enablePurgeProtection": True,
        }
    }
    return azure("keyvault:Vault", props, name, changes)


def audit(of: str, *categories: str) -> Made:
    logs = [{"category": category, "enabled": True} for category in categories]
    props = {"name": f"{of}-audit", "resourceUri": f"{of}-id", "logs": logs}
    return Made(f"{AZURE}monitor:DiagnosticSetting", f"{of}-audit", props, {"resourceUri": (of,)})


def manifest(kind: str, name: str, spec: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> Made:
    """A Kubernetes resource in the namespace of the models."""
    version, short = kind.rsplit(":", 1)
    version = version.removeprefix("core/")
    props: dict[str, Any] = {"apiVersion": version, "kind": short, "metadata": {"name": name}}
    if short != "Namespace":
        props["metadata"]["namespace"] = "models"
    return Made(KUBERNETES + kind, name, merged({**props, **({"spec": spec} if spec else {})}, changes))


def namespace(name: str = "models", **changes: Any) -> Made:
    held = {"metadata/labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    return manifest("core/v1:Namespace", name, None, {**held, **changes})


def deny(name: str = "deny", **changes: Any) -> Made:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return manifest("networking.k8s.io/v1:NetworkPolicy", name, spec, changes)


CONTAINER = {
    "name": "ray",
    "image": IMAGE,
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}}


def deployment(name: str = "exporter", **changes: Any) -> Made:
    labels = {"app": name}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {**POD, "containers": [CONTAINER]}},
    }
    return manifest("apps/v1:Deployment", name, spec, changes)


def service(name: str = "inside", **changes: Any) -> Made:
    return manifest("core/v1:Service", name, {"type": "ClusterIP", "ports": [{"port": 8000}]}, changes)


def ingress(name: str = "way-in", **changes: Any) -> Made:
    spec = {
        "tls": [{"hosts": ["llm.acme.example"], "secretName": "tls"}],
        "rules": [{"host": "llm.acme.example"}],
    }
    noted = {"metadata/annotations": {"inference-stack.io/authentication": "entra"}}
    return manifest("networking.k8s.io/v1:Ingress", name, spec, {**noted, **changes})


MODEL: dict[str, Any] = {
    "model_loading_config": {"model_id": "copilot", "model_source": "mistralai/Mistral-7B-Instruct-v0.3"},
    "engine_kwargs": {"max_model_len": 8192},
    "runtime_env": {"env_vars": {"VLLM_ENGINE_READY_TIMEOUT_S": "900"}},
}


def ray_service(name: str = "copilot", model: Any = None, pool: Any = "slices", **changes: Any) -> Made:
    """A service with one model, on workers of the pool."""
    config = merged(MODEL, model or {})
    application = {"import_path": "ray.serve.llm:build_openai_app", "args": {"llm_configs": [config]}}
    amounts = {"cpu": "10", "memory": "90Gi", "nvidia.com/gpu": "1"}
    toleration = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    workers = {
        **POD,
        "containers": [{**CONTAINER, "resources": {"limits": amounts, "requests": amounts}}],
        "nodeSelector": {POOL_LABEL: pool},
        "tolerations": [toleration],
    }
    spec = {
        "serveConfigV2": yaml.safe_dump({"applications": [application]}),
        "rayClusterConfig": {
            "headGroupSpec": {
                "rayStartParams": {"num-cpus": "2"},
                "template": {"spec": {**POD, "containers": [CONTAINER]}},
            },
            "workerGroupSpecs": [
                {"groupName": "gpus", "minReplicas": 0, "maxReplicas": 1, "template": {"spec": workers}}
            ],
        },
    }
    return manifest("ray.io/v1:RayService", name, spec, changes)


def chart(name: str = "operator", **changes: Any) -> Made:
    props = {
        "name": name,
        "namespace": "models",
        "chart": "oci://acme.azurecr.io/charts/operator",
        "version": "1.0.0",
        "values": {"image": {"repository": "acme.azurecr.io/operator", "tag": f"v1{DIGEST}"}},
    }
    return Made(f"{KUBERNETES}helm.sh/v3:Release", name, merged(props, changes))


def gateway_chart(name: str = "gateway", **changes: Any) -> Made:
    images = {each: {"image": f"acme.azurecr.io/{each}:v1{DIGEST}"} for each in ("envoyGateway", "ratelimit")}
    return chart(name, **{"values": {"global": {"images": images}}, **changes})


def proxies(name: str = "proxies", **changes: Any) -> Made:
    pods = {"container": {"image": f"acme.azurecr.io/envoy:v1{DIGEST}"}}
    spec = {"provider": {"kubernetes": {"envoyDeployment": pods}}}
    return manifest("gateway.envoyproxy.io/v1alpha1:EnvoyProxy", name, spec, changes)


SOUND = (
    cluster(),
    audit("cluster", "kube-audit-admin"),
    pool(),
    storage(),
    registry(),
    vault(),
    audit("vault", "AuditEvent"),
    audit("weights", "StorageRead"),
    audit("registry", "ContainerRegistryLoginEvents"),
    namespace(),
    deny(),
    deployment(),
    service(),
    ingress(),
    ray_service(),
    chart(),
    gateway_chart(),
    proxies(),
)
