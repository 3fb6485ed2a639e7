"""What lets requests in: Envoy Gateway, its proxies, and who may ask which model how often."""

from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_azure_native import authorization

from components import gateway_names as names
from components.gateway_manifests import VAULT, Vault, gateway_manifests, secret_provider
from components.kuberay import ChartArgs, chart_source
from components.pod_security import pod_security_labels
from components.workload_identity import WorkloadIdentity
from inference_stack.planner import Plan, pool_labels
from inference_stack.spec import HEADS_POOL, Gateway

CONTROLLER_ACCOUNT = "envoy-gateway"
"""Service account of the controller, by its chart."""


class ModelsGatewayArgs(TypedDict):
    """What the gateway before the models needs."""

    plan: Plan
    """Required. The plan, whose environment has a gateway."""
    gateway: Gateway
    """Required. The gateway of that environment."""
    crds: ChartArgs
    """Required. Chart whose templates are the definitions of Gateway API and of Envoy Gateway."""
    controller: ChartArgs
    """Required. Chart of the controller."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the identity that reads the vault."""
    issuer: pulumi.Input[str]
    """Required. OIDC issuer of the cluster."""
    vault_id: pulumi.Input[str]
    """Required. ARM id of the Key Vault with certificate and keys."""
    backends: str
    """Required. Namespace of the Ray Serve services."""


class ModelsGateway(pulumi.ComponentResource):
    """Definitions, controller, gateway, and for each model its route and guards."""

    host: pulumi.Output[str]
    """Host name by which callers come in."""

    def __init__(
        self, name: str, args: ModelsGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register them. The controller's pods hold the vault's secrets, so that Kubernetes has them too."""
        super().__init__("inference-stack:index:ModelsGateway", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        gateway = args["gateway"]
        labels = pod_security_labels(args["plan"].environment.cluster.kubernetes_version)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace", metadata={"name": names.NAMESPACE, "labels": labels}, opts=child
        )
        crds = kubernetes.helm.v3.Release(
            f"{name}-crds",
            name="envoy-gateway-crds",
            namespace=namespace.metadata.name,
            **chart_source(args["crds"]),
            opts=child,
        )
        identity = self._identity(name, args)
        directory = authorization.get_client_config_output().tenant_id
        provider = pulumi.Output.all(args["vault_id"], directory, identity.client_id).apply(
            lambda known: secret_provider(gateway, Vault(known[0].rpartition("/")[2], known[1], known[2]))
        )
        secrets = kubernetes.apiextensions.CustomResource(
            f"{name}-vault",
            api_version="secrets-store.csi.x-k8s.io/v1",
            kind="SecretProviderClass",
            metadata={"name": VAULT, "namespace": namespace.metadata.name},
            spec=provider["spec"],
            opts=child,
        )
        controller = kubernetes.helm.v3.Release(
            f"{name}-controller",
            name=names.CONTROLLER_LABELS["app.kubernetes.io/instance"],
            namespace=namespace.metadata.name,
            skip_crds=True,
            values=_values(args["plan"]),
            **chart_source(args["controller"]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[crds, secrets, identity]),
        )
        for manifest in gateway_manifests(args["plan"], gateway, args["backends"]):
            kind = manifest["kind"]
            kubernetes.apiextensions.CustomResource(
                f"{name}-{kind.lower()}-{manifest['metadata']['name']}",
                api_version=manifest["apiVersion"],
                kind=kind,
                metadata=manifest["metadata"],
                spec=manifest["spec"],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[controller]),
            )
        self.host = controller.id.apply(lambda _: gateway.host)
        self.register_outputs({"host": self.host})

    def _identity(self, name: str, args: ModelsGatewayArgs) -> WorkloadIdentity:
        environment = args["plan"].environment
        return WorkloadIdentity(
            name,
            {
                "region": environment.region,
                "resource_group_name": args["resource_group_name"],
                "issuer": args["issuer"],
                "namespace": names.NAMESPACE,
                "service_account": CONTROLLER_ACCOUNT,
                "grants": {"KEY_VAULT_SECRETS_USER": args["vault_id"]},
                "tags": environment.tags,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )


def _values(plan: Plan) -> dict[str, Any]:
    images = plan.environment.images
    volume = {
        "name": "vault",
        "csi": {
            "driver": "secrets-store.csi.k8s.io",
            "readOnly": True,
            "volumeAttributes": {"secretProviderClass": VAULT},
        },
    }
    selector = pool_labels(HEADS_POOL)
    return {
        "global": {"images": {"envoyGateway": {"image": images.pulled(images.envoy_gateway)}}},
        "config": {
            # It is the same program; its own default names a public registry.
            "envoyGateway": {
                "provider": {
                    "kubernetes": {"shutdownManager": {"image": images.pulled(images.envoy_gateway)}}
                }
            }
        },
        "crds": {"enabled": False},
        # It would change pods of every namespace, to tell proxies their zone: they need none.
        "topologyInjector": {"enabled": False},
        "certgen": {"job": {"nodeSelector": selector}},
        "deployment": {
            "pod": {
                "nodeSelector": selector,
                "extraVolumes": [volume],
                "extraVolumeMounts": [{"name": "vault", "mountPath": "/vault", "readOnly": True}],
            },
        },
    }
