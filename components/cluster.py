"""The AKS cluster with the two pools that run no model."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_azure_native import containerservice

from components.agent_pool import agent_pool
from inference_stack.planner import HEADS_POOL, POOL_SURGE, SYSTEM_SURGE, pool_labels


class CpuPoolArgs(TypedDict):
    """A pool without GPUs."""

    sku: str
    """Required. Azure size."""
    min: int
    """Required. Nodes kept when idle."""
    max: int
    """Required. Nodes at peak."""


class ClusterArgs(TypedDict):
    """What a cluster needs."""

    region: str
    """Required. Azure region."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the cluster."""
    subnet_id: pulumi.Input[str]
    """Required. Subnet of every node pool."""
    identity_id: pulumi.Input[str]
    """Required. Identity of the control plane, which may join the subnet and use the kubelet identity."""
    kubelet_identity: pulumi.Input[Mapping[str, str]]
    """Required. Identity of the kubelets: resource_id, client_id, object_id."""
    kubernetes_version: str
    """Required. AKS version."""
    tier: str
    """Required. Free or Standard."""
    pods_range: str
    """Required. Overlay range of pods, CIDR."""
    services_range: str
    """Required. Range of Kubernetes services, CIDR."""
    dns_service_ip: str
    """Required. Address of the DNS service, inside services_range."""
    system: CpuPoolArgs
    """Required. System pool."""
    heads: CpuPoolArgs
    """Required. Pool of the Ray heads."""
    authorized_ranges: Sequence[str]
    """Required. Addresses that may reach the API server; empty for all."""
    admin_groups: Sequence[str]
    """Required. Object ids of the Entra groups that administer the cluster."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


AUTOSCALER: Any = {
    "expander": "least-waste",
    "scale_down_unneeded_time": "10m",
    # A replica's shared memory is an emptyDir, which counts as local storage: true would keep every GPU node.
    "skip_nodes_with_local_storage": "false",
    "skip_nodes_with_system_pods": "true",
}
"""Cluster autoscaler settings that differ from AKS's defaults or must not drift with them."""


class Cluster(pulumi.ComponentResource):
    """AKS with workload identity, Cilium overlay, an autoscaled system pool and a pool for Ray heads."""

    name: pulumi.Output[str]
    """Name of the cluster."""
    oidc_issuer: pulumi.Output[str]
    """OIDC issuer that signs the tokens of service accounts."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig of a user; secret."""
    provider: kubernetes.Provider
    """Kubernetes provider that works on this cluster."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the cluster and its pools."""
        super().__init__("inference-stack:index:Cluster", name, {}, opts)
        identity: Any = {"type": "UserAssigned", "user_assigned_identities": [args["identity_id"]]}
        kubelet: Any = {"kubeletidentity": args["kubelet_identity"]}
        cluster = containerservice.ManagedCluster(
            f"{name}-aks",
            resource_group_name=args["resource_group_name"],
            location=args["region"],
            tags=dict(args["tags"]),
            dns_prefix=name,
            kubernetes_version=args["kubernetes_version"],
            sku={"name": "Base", "tier": args["tier"]},
            enable_rbac=True,
            aad_profile=self._entra(args),
            api_server_access_profile=self._access(args),
            identity=identity,
            identity_profile=kubelet,
            oidc_issuer_profile={"enabled": True},
            security_profile={"workload_identity": {"enabled": True}},
            network_profile={
                "network_plugin": "azure",
                "network_plugin_mode": "overlay",
                "network_dataplane": "cilium",
                "network_policy": "cilium",
                "load_balancer_sku": "standard",
                "outbound_type": "loadBalancer",
                "pod_cidr": args["pods_range"],
                "service_cidr": args["services_range"],
                "dns_service_ip": args["dns_service_ip"],
            },
            auto_scaler_profile=AUTOSCALER,
            agent_pool_profiles=[self._system(args)],
            opts=pulumi.ResourceOptions(
                parent=self,
                # Given at birth only: a refresh lists every pool here, the autoscaler moves the counts, and
                # the other pools are resources of their own.
                ignore_changes=["agentPoolProfiles"],
                # ARM refuses these in place, and the provider would preview them as updates.
                replace_on_changes=[
                    "enableRBAC",
                    "networkProfile.podCidrs",
                    "networkProfile.loadBalancerSku",
                ],
            ),
        )
        heads = args["heads"]
        agent_pool(
            HEADS_POOL,
            parent=self,
            resource_name=f"{name}-{HEADS_POOL}",
            resource_group_name=args["resource_group_name"],
            cluster_name=cluster.name,
            min_count=heads["min"],
            max_count=heads["max"],
            vm_size=heads["sku"],
            vnet_subnet_id=args["subnet_id"],
            node_labels=pool_labels(HEADS_POOL),
            upgrade_settings={"max_surge": str(POOL_SURGE)},
            tags=dict(args["tags"]),
        )
        self.name = cluster.name
        self.oidc_issuer = cluster.oidc_issuer_profile.apply(
            lambda profile: profile.issuer_url if profile and profile.issuer_url else ""
        )
        # Asked by the cluster's outputs, so that a first preview does not call an API that is not there yet.
        credentials = containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=args["resource_group_name"], resource_name=cluster.name
        )
        self.kubeconfig = pulumi.Output.secret(
            credentials.apply(lambda found: base64.b64decode(found.kubeconfigs[0].value).decode())
        )
        self.provider = kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs(
            {"name": self.name, "oidc_issuer": self.oidc_issuer, "kubeconfig": self.kubeconfig}
        )

    @staticmethod
    def _system(args: ClusterArgs) -> Any:
        system = args["system"]
        return {
            "name": "system",
            "mode": "System",
            "type": "VirtualMachineScaleSets",
            "os_type": "Linux",
            "vm_size": system["sku"],
            "enable_auto_scaling": True,
            "count": system["min"],
            "min_count": system["min"],
            "max_count": system["max"],
            "vnet_subnet_id": args["subnet_id"],
            "upgrade_settings": {"max_surge": f"{SYSTEM_SURGE:.0%}"},
        }

    @staticmethod
    def _entra(args: ClusterArgs) -> Any:
        if not args["admin_groups"]:
            return None
        return {
            "managed": True,
            "enable_azure_rbac": True,
            "admin_group_object_ids": list(args["admin_groups"]),
        }

    @staticmethod
    def _access(args: ClusterArgs) -> Any:
        if not args["authorized_ranges"]:
            return None
        return {"authorized_ip_ranges": list(args["authorized_ranges"])}
