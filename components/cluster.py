"""The AKS cluster with the two pools that run no model."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_azure_native import containerservice, monitor, privatedns

from components import cluster_hardening as hardening
from components.agent_pool import agent_pool
from components.cluster_access import when_allowed
from components.kubeconfig import user_kubeconfig
from components.role import Role, assign
from inference_stack.planner import POOL_SURGE, SYSTEM_SURGE, pool_labels
from inference_stack.spec import HEADS_POOL, SYSTEM_POOL, Principal


class CpuPoolArgs(TypedDict):
    """A pool without GPUs."""

    sku: str
    """Required. Azure size."""
    min: int
    """Required. Nodes kept when idle."""
    max: int
    """Required. Nodes at peak."""


class DeployerArgs(TypedDict):
    """Who deploys into the cluster, and from where."""

    object_id: NotRequired[str]
    """Optional. Entra object id of who is to administer the cluster."""
    kind: str
    """Required. User, Group or ServicePrincipal."""
    login: str
    """Required. How kubelogin gets the deployer's token: azurecli, azd, msi or workloadidentity."""
    network_id: NotRequired[str]
    """Optional. ARM id of a network that is to resolve the name of a private API server."""
    proxy: NotRequired[str]
    """Optional. Address of the proxy over which the API server is reached."""


class AccessArgs(TypedDict):
    """Who reaches and administers the cluster."""

    api_server_subnet_id: NotRequired[pulumi.Input[str]]
    """Conditional. Subnet of the API server, which then is private; left out, it is public."""
    authorized_ranges: Sequence[str]
    """Required. Addresses that may reach a public API server; empty for all."""
    admin_groups: Sequence[str]
    """Required. Object ids of the Entra groups that administer the cluster."""
    deployer: DeployerArgs
    """Required. Who deploys."""


class UpkeepArgs(TypedDict):
    """How the cluster is kept up to date."""

    version: str
    """Required. AKS version of Kubernetes."""
    channel: str
    """Required. What AKS upgrades by itself: none, patch, stable, rapid or node-image."""
    node_os_channel: str
    """Required. How nodes are patched: None, Unmanaged, SecurityPatch or NodeImage."""
    support: str
    """Required. KubernetesOfficial or AKSLongTermSupport."""
    tier: str
    """Required. Free, Standard or Premium."""
    window: hardening.WindowArgs
    """Required. When AKS may upgrade by itself."""


class DiagnosticsArgs(TypedDict):
    """What the control plane logs."""

    workspace_id: pulumi.Input[str]
    """Required. ARM id of the workspace."""
    categories: Sequence[str]
    """Required. Logs that are sent there; empty for none."""


class ClusterArgs(TypedDict):
    """What a cluster needs."""

    region: str
    """Required. Azure region."""
    zones: Sequence[str]
    """Required. Availability zones of both pools; empty lets Azure choose."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the cluster."""
    subnet_id: pulumi.Input[str]
    """Required. Subnet of every node pool."""
    identity_id: pulumi.Input[str]
    """Required. Identity of the control plane, which may join the subnets and use the kubelet identity."""
    kubelet_identity: pulumi.Input[Mapping[str, str]]
    """Required. Identity of the kubelets: resource_id, client_id, object_id."""
    upkeep: UpkeepArgs
    """Required. Version and upgrades."""
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
    access: AccessArgs
    """Required. Who reaches and administers the cluster."""
    diagnostics: DiagnosticsArgs
    """Required. What the control plane logs."""
    metrics: bool
    """Required. Whether the add-on of managed Prometheus reads it."""
    defender: bool
    """Required. Whether Microsoft Defender watches what runs; it is billed by vCPU."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


AUTOSCALER: Any = {
    "expander": "least-waste",
    "scale_down_unneeded_time": "10m",
    # A replica's shared memory is an emptyDir, which counts as local storage: true would keep every GPU node.
    "skip_nodes_with_local_storage": "false",
    "skip_nodes_with_system_pods": "true",
    # A node of a pool with the MIG strategy `mixed` offers no nvidia.com/gpu, so that the autoscaler takes it
    # for unready for good. By default more than three of them end all scaling.
    "max_total_unready_percentage": "100",
}
"""Cluster autoscaler settings that differ from AKS's defaults or must not drift with them."""


class Cluster(pulumi.ComponentResource):
    """AKS with workload identity, Cilium overlay, an autoscaled system pool and a pool for Ray heads."""

    id: pulumi.Output[str]
    """ARM id of the cluster."""
    name: pulumi.Output[str]
    """Name of the cluster."""
    oidc_issuer: pulumi.Output[str]
    """OIDC issuer that signs the tokens of service accounts."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig of a user; secret."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the cluster, its pools, and who gets in."""
        super().__init__("inference-stack:index:Cluster", name, {}, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        # With a new cluster comes a new place for what is part of it. Deleted first, as the provider asks of
        # explicit names, it would take with it all that stands in the old cluster.
        self._beside = pulumi.ResourceOptions(parent=self, delete_before_replace=False)
        cluster = self._cluster(name, args)
        self._heads(name, args, cluster)
        self._tell_bounds(args, cluster)
        self._diagnostics(name, args["diagnostics"], cluster)
        self._maintenance(name, args, cluster)
        self.id = cluster.id
        self.name = cluster.name
        self.oidc_issuer = cluster.oidc_issuer_profile.apply(
            lambda profile: profile.issuer_url if profile and profile.issuer_url else ""
        )
        deployer = args["access"]["deployer"]
        self.kubeconfig = when_allowed(
            user_kubeconfig(
                args["resource_group_name"],
                cluster.name,
                login=deployer["login"],
                # Without right or address, the first call into the cluster would fail.
                after=[gate.id for gate in self._gates(name, args["access"], cluster)],
                proxy=deployer.get("proxy"),
            ),
            deployer.get("object_id"),
            cluster,
        )
        self.provider = kubernetes.Provider(
            f"{name}-kubernetes", kubeconfig=self.kubeconfig, opts=self._child
        )
        self.register_outputs(
            {"name": self.name, "oidc_issuer": self.oidc_issuer, "kubeconfig": self.kubeconfig}
        )

    def _cluster(self, name: str, args: ClusterArgs) -> containerservice.ManagedCluster:
        identity: Any = {"type": "UserAssigned", "user_assigned_identities": [args["identity_id"]]}
        kubelet: Any = {"kubeletidentity": args["kubelet_identity"]}
        upkeep = args["upkeep"]
        return containerservice.ManagedCluster(
            f"{name}-aks",
            resource_group_name=args["resource_group_name"],
            location=args["region"],
            tags=dict(args["tags"]),
            dns_prefix=name,
            kubernetes_version=upkeep["version"],
            sku={"name": "Base", "tier": upkeep["tier"]},
            support_plan=upkeep["support"],
            auto_upgrade_profile={
                "upgrade_channel": upkeep["channel"],
                "node_os_upgrade_channel": upkeep["node_os_channel"],
            },
            enable_rbac=True,
            aad_profile=_entra(args["access"]),
            # AKS takes this with Entra alone: without it nobody would get in.
            disable_local_accounts=_entra(args["access"]) is not None,
            addon_profiles=hardening.addons(),
            azure_monitor_profile={"metrics": {"enabled": args["metrics"]}},
            api_server_access_profile=_api_server(args["access"]),
            identity=identity,
            identity_profile=kubelet,
            oidc_issuer_profile={"enabled": True},
            security_profile=hardening.security(
                args["diagnostics"]["workspace_id"], defender=args["defender"]
            ),
            storage_profile=hardening.storage(),
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
            agent_pool_profiles=[_system(args)],
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
                replacement_trigger=_fixed(args),
            ),
        )

    def _heads(self, name: str, args: ClusterArgs, cluster: containerservice.ManagedCluster) -> None:
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
            # AKS takes an Ephemeral disk by itself where the size can hold one, as for the system pool.
            os_disk_type=None,
            availability_zones=list(args["zones"]) or None,
            vnet_subnet_id=args["subnet_id"],
            node_labels=pool_labels(HEADS_POOL),
            upgrade_settings={"max_surge": str(POOL_SURGE)},
            tags=dict(args["tags"]),
        )

    def _tell_bounds(self, args: ClusterArgs, cluster: containerservice.ManagedCluster) -> None:
        """Warn, in a preview too, where the system pool has other bounds than asked, which are ignored."""
        asked = args["system"]

        def tell(found: containerservice.GetAgentPoolResult) -> None:
            if (found.min_count, found.max_count) != (asked["min"], asked["max"]):
                pulumi.warn(
                    f"the system pool has {found.min_count} to {found.max_count} nodes, which this program "
                    f"leaves alone; for {asked['min']} to {asked['max']}: az aks nodepool update "
                    f"--name {SYSTEM_POOL} --update-cluster-autoscaler "
                    f"--min-count {asked['min']} --max-count {asked['max']}",
                    self,
                )

        containerservice.get_agent_pool_output(
            resource_group_name=args["resource_group_name"],
            resource_name=cluster.name,
            agent_pool_name=SYSTEM_POOL,
        ).apply(tell)

    def _diagnostics(
        self, name: str, args: DiagnosticsArgs, cluster: containerservice.ManagedCluster
    ) -> None:
        if not args["categories"]:
            return
        monitor.DiagnosticSetting(
            f"{name}-control-plane",
            name="control-plane",
            resource_uri=cluster.id,
            workspace_id=args["workspace_id"],
            # A table for each kind of log, which costs less to search than the one that all of Azure shares.
            log_analytics_destination_type="Dedicated",
            logs=[{"category": category, "enabled": True} for category in args["categories"]],
            opts=self._beside,
        )

    def _maintenance(self, name: str, args: ClusterArgs, cluster: containerservice.ManagedCluster) -> None:
        upkeep = args["upkeep"]
        hardening.maintenance(
            name,
            upkeep["window"],
            hardening.schedules(upgrade_channel=upkeep["channel"], node_os_channel=upkeep["node_os_channel"]),
            resource_group_name=args["resource_group_name"],
            cluster_name=cluster.name,
            opts=self._beside,
        )

    def _gates(
        self, name: str, access: AccessArgs, cluster: containerservice.ManagedCluster
    ) -> list[pulumi.CustomResource]:
        """What must be there before who deploys may and can call the API server."""
        deployer = access["deployer"]
        gates: list[pulumi.CustomResource] = []
        if object_id := deployer.get("object_id"):
            kind = Principal(deployer["kind"])
            gates.append(
                assign(
                    f"{name}-deployer", Role.AKS_RBAC_CLUSTER_ADMIN, object_id, cluster.id, self, kind=kind
                )
            )
        if network_id := deployer.get("network_id"):
            gates.append(
                # AKS makes the zone of a private cluster beside its nodes, and links our own network alone.
                privatedns.VirtualNetworkLink(
                    f"{name}-deployer-names",
                    virtual_network_link_name="deployer",
                    resource_group_name=cluster.node_resource_group.apply(lambda group: group or ""),
                    private_zone_name=cluster.private_fqdn.apply(lambda host: host.partition(".")[2]),
                    location="global",
                    registration_enabled=False,
                    virtual_network={"id": network_id},
                    opts=self._beside,
                )
            )
        return gates


def _system(args: ClusterArgs) -> Any:
    system = args["system"]
    return {
        "name": SYSTEM_POOL,
        "mode": "System",
        "type": "VirtualMachineScaleSets",
        "os_type": "Linux",
        "vm_size": system["sku"],
        **({"availability_zones": list(args["zones"])} if args["zones"] else {}),
        "enable_auto_scaling": True,
        "count": system["min"],
        "min_count": system["min"],
        "max_count": system["max"],
        "vnet_subnet_id": args["subnet_id"],
        "upgrade_settings": {"max_surge": f"{SYSTEM_SURGE:.0%}"},
    }


def _entra(access: AccessArgs) -> Any:
    """Entra decides who gets in wherever somebody is named."""
    if not access["admin_groups"] and "object_id" not in access["deployer"]:
        return None
    return {
        "managed": True,
        "enable_azure_rbac": True,
        "admin_group_object_ids": list(access["admin_groups"]),
    }


def _api_server(access: AccessArgs) -> Any:
    # It would let whoever has a role in Azure run commands inside, past every network.
    closed = {"disable_run_command": True}
    if "api_server_subnet_id" in access:
        return {
            "enable_private_cluster": True,
            "enable_private_cluster_public_fqdn": False,
            "enable_vnet_integration": True,
            "subnet_id": access["api_server_subnet_id"],
            "private_dns_zone": "system",
            **closed,
        }
    return {"authorized_ip_ranges": list(access["authorized_ranges"]), **closed}


def _fixed(args: ClusterArgs) -> Mapping[str, Any]:
    """What AKS never changes on a cluster and no property path says: a change makes a new cluster.

    A public API server gets no private address in place, Entra is not turned off again, and the system pool
    lies in the cluster's own properties, whose changes are ignored.
    """
    system = args["system"]
    return {
        "private": "api_server_subnet_id" in args["access"],
        "entra": _entra(args["access"]) is not None,
        "system": {"sku": system["sku"], "zones": list(args["zones"])},
    }
