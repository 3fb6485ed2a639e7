"""What an environment stands on before there is a cluster: network, identities, storage, registry, logs."""

from collections.abc import Mapping
from typing import Any, TypedDict

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

from components.role import Role, assign


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
    storage_account_id: pulumi.Output[str]
    """ARM id of the storage account of weights and adapters."""
    vault_id: pulumi.Output[str]
    """ARM id of the Key Vault."""
    workspace_id: pulumi.Output[str]
    """ARM id of the Log Analytics workspace."""
    cluster_identity_id: pulumi.Output[str]
    """ARM id of the identity of the control plane."""
    kubelet_identity: pulumi.Output[dict[str, str]]
    """Identity of the kubelets, in the form in which AKS takes it."""

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the resources. Names are Pulumi's own wherever ARM wants them unique in the world."""
        super().__init__("inference-stack:index:Foundation", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        region, tags = args["region"], dict(args["tags"])
        group = resources.ResourceGroup(f"{name}-rg", location=region, tags=tags, opts=child)
        here = {"resource_group_name": group.name, "location": region, "tags": tags}

        vnet, nodes = self._network(name, args, here, child)
        account = self._storage(args["storage_account"], here, child)
        registry = containerregistry.Registry(
            "registry",
            **here,
            sku={"name": "Premium"},
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            opts=child,
        )
        safe: Any = {
            "sku": {"family": "A", "name": "standard"},
            "tenant_id": authorization.get_client_config_output().tenant_id,
            "enable_rbac_authorization": True,
            "enable_soft_delete": True,
            "enable_purge_protection": True,
        }
        vault = keyvault.Vault("vault", **here, properties=safe, opts=child)
        workspace = operationalinsights.Workspace(
            f"{name}-logs", **here, sku={"name": "PerGB2018"}, retention_in_days=30, opts=child
        )
        cluster = managedidentity.UserAssignedIdentity(f"{name}-cluster", **here, opts=child)
        kubelet = managedidentity.UserAssignedIdentity(f"{name}-kubelet", **here, opts=child)
        granted = [
            assign("cluster-network", Role.NETWORK_CONTRIBUTOR, cluster.principal_id, vnet.id, self),
            assign("cluster-kubelet", Role.MANAGED_IDENTITY_OPERATOR, cluster.principal_id, kubelet.id, self),
            assign("kubelet-pull", Role.ACR_PULL, kubelet.principal_id, registry.id, self),
        ]

        self.resource_group_name = group.name
        self.nodes_subnet_id = nodes.id
        self.storage_account_id = account.id
        self.vault_id = vault.id
        self.workspace_id = workspace.id
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
    ) -> tuple[network.VirtualNetwork, network.Subnet]:
        vnet = network.VirtualNetwork(
            f"{name}-vnet", **here, address_space={"address_prefixes": [args["address_space"]]}, opts=child
        )
        ranges = {"nodes": args["nodes_range"], "endpoints": args["endpoints_range"]}
        subnets = [
            network.Subnet(
                kind,
                resource_group_name=here["resource_group_name"],
                virtual_network_name=vnet.name,
                address_prefix=addresses,
                opts=child,
            )
            for kind, addresses in ranges.items()
        ]
        return vnet, subnets[0]

    @staticmethod
    def _storage(
        account_name: str, here: Mapping[str, Any], child: pulumi.ResourceOptions
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
