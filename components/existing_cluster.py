"""An AKS cluster of somebody else's, some of whose GPU pools are used."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.existing_pools import FoundCluster
from components.kubeconfig import user_kubeconfig
from components.network_policies import UNKNOWN, NetworkPolicies, serving_policies
from components.serving_namespace import ServingNamespace
from components.workload_identity import WorkloadIdentity


class ExistingClusterArgs(TypedDict):
    """What is asked of a cluster that is there already."""

    found: FoundCluster
    """Required. The cluster, as it was read."""
    region: str
    """Required. Azure region of the identity."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the identity, which is ours."""
    namespace: str
    """Required. Namespace of the models in that cluster; made."""
    service_account: str
    """Required. Service account of their pods; made."""
    login: str
    """Required. How kubelogin gets the deployer's token, where Entra guards that cluster."""
    grants: Mapping[str, pulumi.Input[str]]
    """Required. Role name of `components.role.Role` to the ARM id that the pods may use so."""
    tags: Mapping[str, str]
    """Required. Azure tags of the identity."""


class ExistingCluster(pulumi.ComponentResource):
    """What an environment adds to a cluster that it does not own: a namespace, and who its pods are in Azure.

    KubeRay and a device plugin are there already.
    """

    provider: kubernetes.Provider
    """Kubernetes provider that works on that cluster."""
    namespace: ServingNamespace
    """The namespace of the models there."""

    def __init__(
        self, name: str, args: ExistingClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register identity, Kubernetes provider and namespace."""
        super().__init__("inference-stack:index:ExistingCluster", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        cluster = args["found"].id
        identity = WorkloadIdentity(
            f"{name}-serving",
            {
                "region": args["region"],
                "resource_group_name": args["resource_group_name"],
                "issuer": args["found"].issuer,
                "namespace": args["namespace"],
                "service_account": args["service_account"],
                "grants": args["grants"],
                "tags": args["tags"],
            },
            opts=child,
        )
        kubeconfig = user_kubeconfig(
            cluster.resource_group,
            cluster.names[0],
            login=args["login"],
            # Everything else is known from the start: a first preview would already call that API server.
            after=[identity.trust_id],
            provider=args["found"].azure,
        )
        self.provider = kubernetes.Provider(f"{name}-kubernetes", kubeconfig=kubeconfig, opts=child)
        self.namespace = ServingNamespace(
            f"{name}-serving",
            {
                "namespace": args["namespace"],
                "service_account": args["service_account"],
                "client_id": identity.client_id,
            },
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider),
        )
        NetworkPolicies(
            f"{name}-serving",
            {"policies": serving_policies(args["namespace"], UNKNOWN)},
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider, depends_on=[self.namespace]),
        )
        self.register_outputs({})
