"""What an environment stands on before there is a cluster: network, identities, storage, registry, logs."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_azure_native import (
    authorization,
    containerregistry,
    keyvault,
    managedidentity,
    network,
    operationalinsights,
    resources,
    storage,
)

from components.audit_logs import keep_audit_log
from components.peering import Peering
from components.private_endpoints import PrivateEndpoints
from components.role import Role, assign

API_SERVER_DELEGATION = "Microsoft.ContainerService/managedClusters"
"""To whom the subnet of a private API server is given over."""


class FoundationArgs(TypedDict):
    """What a foundation needs."""

    region: str
    """Required. Azure region."""
    address_space: str
    """Required. Virtual network, CIDR."""
    nodes_range: str
    """Required. Subnet of the node pools, CIDR."""
    endpoints_range: str
    """Required. Subnet of private endpoints, CIDR."""
    api_server_range: NotRequired[str]
    """Conditional. Subnet of the API server, CIDR; with a private cluster."""
    deployer_network_id: NotRequired[str]
    """Optional. ARM id of a virtual network to be peered with, from which somebody deploys."""
    retention_days: int
    """Required. Days for which the workspace keeps logs."""
    private_endpoints: bool
    """Required. Whether storage, registry and vault answer in the subnet of private endpoints alone."""
    storage_account: str
    """Required. Name of the storage account of weights and adapters, unique in all of Azure."""
    tags: Mapping[str, str]
    """Required. Tags on every resource."""


class Foundation(pulumi.ComponentResource):
    """Resource group, network, Key Vault, Blob storage, registry, workspace and the cluster's identities."""

    resource_group_name: pulumi.Output[str]
    """Resource group of the environment."""
    nodes_subnet_id: pulumi.Output[str]
    """ARM id of the subnet of the node pools."""
    api_server_subnet_id: pulumi.Output[str] | None
    """ARM id of the subnet of the API server; None where it is public."""
    peering: Peering | None
    """The way from the network of who deploys; None where there is none."""
    storage_account_id: pulumi.Output[str]
    """ARM id of the storage account of weights and adapters."""
    vault_id: pulumi.Output[str]
    """ARM id of the Key Vault."""
    vault_name: pulumi.Output[str]
    """Name of the Key Vault, which is also where it answers: `https://<name>.vault.azure.net`."""
    workspace_id: pulumi.Output[str]
    """ARM id of the Log Analytics workspace."""
    cluster_identity_id: pulumi.Output[str]
    """ARM id of the identity of the control plane."""
    cluster_principal_id: pulumi.Output[str]
    """Object id of that identity."""
    kubelet_identity: pulumi.Output[dict[str, str]]
    """Identity of the kubelets, in the form in which AKS takes it."""

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the resources. Names are Pulumi's own wherever ARM wants them unique in the world."""
        super().__init__("inference-stack:index:Foundation", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        region, tags = args["region"], dict(args["tags"])
        group = resources.ResourceGroup(f"{name}-rg", location=region, tags=tags, opts=child)
        here = {"resource_group_name": group.name, "location": region, "tags": tags}

        vnet, subnets = self._network(name, args, here, child)
        reached = "Disabled" if args["private_endpoints"] else "Enabled"
        account = self._storage(args["storage_account"], reached, here, child)
        registry = containerregistry.Registry(
            "registry",
            **here,
            sku={"name": "Premium"},
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            public_network_access=reached,
            opts=child,
        )
        safe: Any = {
            "sku": {"family": "A", "name": "standard"},
            "tenant_id": authorization.get_client_config_output().tenant_id,
            "enable_rbac_authorization": True,
            "enable_soft_delete": True,
            "enable_purge_protection": True,
            "public_network_access": reached,
        }
        vault = keyvault.Vault("vault", **here, properties=safe, opts=child)
        workspace = operationalinsights.Workspace(
            f"{name}-logs",
            **here,
            sku={"name": "PerGB2018"},
            retention_in_days=args["retention_days"],
            opts=child,
        )
        blobs = pulumi.Output.concat(account.id, "/blobServices/default")
        for audited, part in {"storage": blobs, "registry": registry.id, "vault": vault.id}.items():
            keep_audit_log(audited, part, workspace.id, child)
        if args["private_endpoints"]:
            PrivateEndpoints(
                "data",
                {
                    "resource_group_name": group.name,
                    "region": region,
                    "network_id": vnet.id,
                    "subnet_id": subnets["endpoints"].id,
                    "targets": {
                        "blob": account.id,
                        "dfs": account.id,
                        "registry": registry.id,
                        "vault": vault.id,
                    },
                    "tags": tags,
                },
                opts=child,
            )
        cluster = managedidentity.UserAssignedIdentity(f"{name}-cluster", **here, opts=child)
        kubelet = managedidentity.UserAssignedIdentity(f"{name}-kubelet", **here, opts=child)
        granted = [
            assign("cluster-network", Role.NETWORK_CONTRIBUTOR, cluster.principal_id, vnet.id, self),
            assign("cluster-kubelet", Role.MANAGED_IDENTITY_OPERATOR, cluster.principal_id, kubelet.id, self),
            assign("kubelet-pull", Role.ACR_PULL, kubelet.principal_id, registry.id, self),
        ]

        self.resource_group_name = group.name
        self.nodes_subnet_id = subnets["nodes"].id
        private = subnets.get("api-server")
        self.api_server_subnet_id = private.id if private else None
        self.peering = self._peering(args, group, vnet, child)
        self.storage_account_id = account.id
        self.vault_id = vault.id
        self.vault_name = vault.name
        self.workspace_id = workspace.id
        self.cluster_principal_id = cluster.principal_id
        # A cluster made before its identity may touch the network fails: the id waits for the grants.
        self.cluster_identity_id = pulumi.Output.all(cluster.id, *(grant.id for grant in granted)).apply(
            lambda known: known[0]
        )
        self.kubelet_identity = pulumi.Output.all(
            resource_id=kubelet.id, client_id=kubelet.client_id, object_id=kubelet.principal_id
        )
        self.register_outputs(
            {"resource_group_name": self.resource_group_name, "workspace_id": self.workspace_id}
        )

    @staticmethod
    def _network(
        name: str, args: FoundationArgs, here: Mapping[str, Any], child: pulumi.ResourceOptions
    ) -> tuple[network.VirtualNetwork, dict[str, network.Subnet]]:
        vnet = network.VirtualNetwork(
            f"{name}-vnet", **here, address_space={"address_prefixes": [args["address_space"]]}, opts=child
        )
        ranges = {"nodes": args["nodes_range"], "endpoints": args["endpoints_range"]}
        if "api_server_range" in args:
            ranges["api-server"] = args["api_server_range"]
        delegation: Any = {"name": "aks", "service_name": API_SERVER_DELEGATION}
        subnets = {
            kind: network.Subnet(
                kind,
                resource_group_name=here["resource_group_name"],
                virtual_network_name=vnet.name,
                address_prefix=addresses,
                delegations=[delegation] if kind == "api-server" else None,
                opts=child,
            )
            for kind, addresses in ranges.items()
        }
        return vnet, subnets

    @staticmethod
    def _peering(
        args: FoundationArgs,
        group: resources.ResourceGroup,
        vnet: network.VirtualNetwork,
        child: pulumi.ResourceOptions,
    ) -> Peering | None:
        remote = args.get("deployer_network_id")
        if remote is None:
            return None
        return Peering(
            "deployer",
            {
                "resource_group_name": group.name,
                "network_name": vnet.name,
                "network_id": vnet.id,
                "remote_id": remote,
            },
            opts=child,
        )

    @staticmethod
    def _storage(
        account_name: str, reached: str, here: Mapping[str, Any], child: pulumi.ResourceOptions
    ) -> storage.StorageAccount:
        account = storage.StorageAccount(
            "models",
            # Explicit: adapters are addressed by it, and the Serve configuration must be known at preview.
            account_name=account_name,
            **here,
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            # abfss:// addresses need the hierarchical namespace, and workload identity replaces the keys.
            is_hns_enabled=True,
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            public_network_access=reached,
            minimum_tls_version="TLS1_2",
            opts=child,
        )
        for container in ("weights", "adapters"):
            storage.BlobContainer(
                container,
                container_name=container,
                resource_group_name=here["resource_group_name"],
                account_name=account.name,
                opts=child,
            )
        return account
