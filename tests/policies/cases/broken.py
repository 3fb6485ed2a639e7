"""For each rule, resources that break it and, but for what follows from that, no other."""

from tests.policies.cases.sound import (
    DIGEST,
    TEMPLATE,
    chart,
    cluster,
    deployment,
    gateway_chart,
    ingress,
    manifest,
    namespace,
    pool,
    proxies,
    ray_service,
    registry,
    service,
    storage,
    vault,
)
from tests.policies.holding import Made

POD = "spec/template/spec"
CONTAINER = f"{POD}/containers/0"
WORKERS = "spec/rayClusterConfig/workerGroupSpecs/0"
LOADING = "model_loading_config/model_source"
WAY = "metadata/annotations"
GUARDED = {WAY: {"inference-stack.io/authentication": "entra"}}
LISTENER = {"gatewayClassName": "c", "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}]}
CONTROLLER, LIMITS = "values/global/images/envoyGateway", "values/global/images/ratelimit"
PROXIES = "spec/provider/kubernetes/envoyDeployment/container"
SPOT = pool("spot", scaleSetPriority="Spot", scaleSetEvictionPolicy="Delete")

BROKEN: dict[str, tuple[Made, ...]] = {
    # fit
    "engine-arguments-valid": (
        ray_service("bad-argument", {"engine_kwargs/max_model_length": 1}),
        ray_service("bad-bounds", **{f"{WORKERS}/minReplicas": 2}),
    ),
    "gpu-pool-reachable": (
        pool("bad-untainted", nodeTaints=[]),
        pool("bad-untold", **{f"tags/{TEMPLATE}gpu": None}),
    ),
    "mig-profile-possible": (
        pool(
            "bad-slice",
            vmSize="Standard_ND128isr_NDR_GB200_v6",
            **{f"tags/{TEMPLATE}gpu": "4"},
        ),
    ),
    "start-budget-above-start": (
        ray_service("bad-haste", {"runtime_env/env_vars/VLLM_ENGINE_READY_TIMEOUT_S": "60"}),
    ),
    "tenants-share-one-card": (
        ray_service("bad-tenant", {"placement_group_config": {"bundle_per_worker": {"GPU": 0.5}}}),
    ),
    "workers-fit-their-node": (
        ray_service(
            "bad-giant",
            **{
                f"{WORKERS}/template/spec/containers/0/resources/limits/memory": "900Gi",
                f"{WORKERS}/template/spec/containers/0/resources/requests/memory": "900Gi",
            },
        ),
    ),
    "workers-reach-their-pool": (
        ray_service("bad-nowhere", pool="nowhere"),
        ray_service("bad-kept-away", **{f"{WORKERS}/template/spec/tolerations": []}),
        ray_service(
            "bad-resource",
            **{
                f"{WORKERS}/template/spec/containers/0/resources": {
                    "limits": {"cpu": "10", "memory": "90Gi", "nvidia.com/mig-2g.24gb": "1"},
                    "requests": {"cpu": "10", "memory": "90Gi", "nvidia.com/mig-2g.24gb": "1"},
                },
            },
        ),
    ),
    # money
    "spot-not-for-the-only-replica": (SPOT, ray_service("bad-spot", pool="spot")),
    # law
    "data-stays-in-region": (
        storage("badabroad", location="eastasia"),
        storage("badcopied", **{"sku/name": "Standard_RAGRS"}),
    ),
    "licence-allowed": (ray_service("bad-licence", {LOADING: "meta-llama/Llama-3.1-8B-Instruct"}),),
    "licence-permits-production": (
        ray_service("bad-research", {LOADING: "mistralai/Ministral-8B-Instruct-2410"}),
    ),
    "origin-allowed": (ray_service("bad-origin", {LOADING: "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"}),),
    # security
    "api-server-closed": (
        cluster("bad-open", apiServerAccessProfile={}),
        cluster("bad-wide", apiServerAccessProfile={"authorizedIPRanges": ["0.0.0.0/0"]}),
    ),
    "audit-logs-kept": (
        cluster("bad-unaudited"),
        vault("bad-unheard"),
        storage("bad-unread"),
        registry("badpulled"),
    ),
    "entra-decides-access": (
        cluster("bad-rights", **{"aadProfile/enableAzureRBAC": None}),
        cluster("bad-certificates", **{"aadProfile/managed": None}),
        cluster("bad-everybody", enableRBAC=False),
    ),
    "gateway-guarded": (
        ingress("bad-plain", **{"spec/tls": []}),
        ingress("bad-anybody", **{WAY: {}}),
        service("bad-outside", **{"spec/type": "LoadBalancer", "spec/ports/0/port": 443}),
        service("bad-http", **{"spec/type": "LoadBalancer", **GUARDED}),
        ray_service("bad-serve", **{"spec/serveService": {"spec": {"type": "LoadBalancer"}}, **GUARDED}),
        manifest("gateway.networking.k8s.io/v1:Gateway", "bad-listener", LISTENER, GUARDED),
    ),
    "images-from-allowed-registries": (
        deployment("bad-elsewhere", **{f"{CONTAINER}/image": "docker.io/acme/exporter@sha256:" + "0" * 64}),
        chart("bad-chart", chart="oci://ghcr.io/charts/operator"),
        gateway_chart("bad-limits", **{f"{LIMITS}/image": f"docker.io/envoyproxy/ratelimit:v1{DIGEST}"}),
        proxies("bad-envoy", **{f"{PROXIES}/image": f"envoyproxy/envoy:v1{DIGEST}"}),
    ),
    "images-pinned": (
        deployment("bad-tag", **{f"{CONTAINER}/image": "acme.azurecr.io/exporter:v1"}),
        chart("bad-values", **{"values/image/tag": "v1"}),
        gateway_chart("bad-global", **{f"{CONTROLLER}/image": "acme.azurecr.io/gateway:v1"}),
        proxies("bad-proxy", **{f"{PROXIES}/image": "acme.azurecr.io/envoy:v1"}),
    ),
    "keys-rotate": (
        cluster(
            "bad-secrets",
            addonProfiles={"azureKeyvaultSecretsProvider": {"enabled": True, "config": {}}},
        ),
        storage("badkeys", allowSharedKeyAccess=True),
    ),
    "local-accounts-off": (cluster("bad-accounts", disableLocalAccounts=False),),
    "namespaces-deny-by-default": (namespace("bad-namespace"),),
    "namespaces-enforce-pod-security": (
        namespace("bad-unlabelled", **{"metadata/labels": None}),
        namespace("bad-told", **{"metadata/labels": {"pod-security.kubernetes.io/warn": "restricted"}}),
        namespace("bad-baseline", **{"metadata/labels": {"pod-security.kubernetes.io/enforce": "baseline"}}),
    ),
    "network-policy-enforced": (cluster("bad-unfiltered", **{"networkProfile/networkPolicy": "none"}),),
    "pods-keep-off-the-host": (
        deployment("bad-folder", **{f"{POD}/volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
        deployment("bad-network", **{f"{POD}/hostNetwork": True}),
    ),
    "pods-unprivileged": (
        deployment("bad-unsaid", **{f"{POD}/securityContext": {"runAsUser": 1000}}),
        deployment("bad-root", **{f"{POD}/securityContext": {"runAsNonRoot": True, "runAsUser": 0}}),
        deployment("bad-privileged", **{f"{CONTAINER}/securityContext/privileged": True}),
        deployment("bad-gaining", **{f"{CONTAINER}/securityContext/allowPrivilegeEscalation": None}),
    ),
    "registry-closed": (
        registry("badregistry", publicNetworkAccess="Enabled"),
        registry("badadmin", adminUserEnabled=True),
        registry("badpulls", anonymousPullEnabled=True),
    ),
    "required-tags": (storage("baduntagged", tags={"environment": "test"}),),
    "storage-closed": (
        storage("badopen", publicNetworkAccess="Enabled"),
        storage("badpublic", allowBlobPublicAccess=True),
        storage("badold", minimumTlsVersion="TLS1_0"),
        storage("badkeyed", allowSharedKeyAccess=True, keyPolicy={"keyExpirationPeriodInDays": 90}),
    ),
    "vault-closed": (
        vault("bad-vault", **{"properties/publicNetworkAccess": "enabled"}),
        vault("bad-purged", **{"properties/enablePurgeProtection": None}),
        vault("bad-list", **{"properties/enableRbacAuthorization": False}),
        vault("bad-lost", **{"properties/enableSoftDelete": False}),
    ),
    "workload-identity-on": (
        cluster("bad-identity", securityProfile={}),
        cluster("bad-issuer", oidcIssuerProfile={}),
        cluster(
            "bad-password",
            servicePrincipalProfile={"clientId": "00000000-0000-4000-8000-000000000002", "secret": "s"},
        ),
    ),
}
"""Rules by name, with what breaks them. What is called bad is what the rule names."""

KEY = Made(
    "azure-native:keyvault:Key",
    "bad-key",
    {"properties": {"kty": "RSA"}, "resourceGroupName": "rg", "vaultName": "v"},
)
COPY = Made(
    "azure-native:containerregistry:Replication",
    "bad-copy",
    {"location": "eastasia", "resourceGroupName": "rg", "registryName": "r", "tags": {}},
)
BEYOND = {"keys-rotate": (KEY,), "data-stays-in-region": (COPY,)}
"""The same of types that ARM's stand-in does not serve, so that no engine has seen them."""
