"""An Azure identity that the pods of one Kubernetes service account hold, without any secret."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
from pulumi_azure_native import managedidentity

from components.role import Role, assign


class WorkloadIdentityArgs(TypedDict):
    """What a workload identity needs."""

    region: str
    """Required. Azure region."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the identity."""
    issuer: pulumi.Input[str]
    """Required. OIDC issuer of the cluster."""
    namespace: str
    """Required. Kubernetes namespace of the service account."""
    service_account: str
    """Required. Name of the service account."""
    grants: Mapping[str, pulumi.Input[str]]
    """Required. Role name of `components.role.Role` to the ARM id that it is given on."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


class WorkloadIdentity(pulumi.ComponentResource):
    """User-assigned identity, its roles, and its trust in one service account."""

    client_id: pulumi.Output[str]
    """Client id of the identity."""
    trust_id: pulumi.Output[str]
    """ARM id of the federated credential: known once the issuer is trusted."""

    def __init__(
        self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register identity, roles and federated credential."""
        super().__init__("inference-stack:index:WorkloadIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_group_name=args["resource_group_name"],
            location=args["region"],
            tags=dict(args["tags"]),
            opts=child,
        )
        for role, scope in args["grants"].items():
            suffix = role.lower().replace("_", "-")
            assign(f"{name}-{suffix}", Role[role], identity.principal_id, scope, self)
        trust = managedidentity.FederatedIdentityCredential(
            f"{name}-trust",
            resource_group_name=args["resource_group_name"],
            resource_name_=identity.name,
            issuer=args["issuer"],
            subject=f"system:serviceaccount:{args['namespace']}:{args['service_account']}",
            audiences=["api://AzureADTokenExchange"],
            opts=child,
        )
        self.client_id = identity.client_id
        self.trust_id = trust.id
        self.register_outputs({"client_id": self.client_id})
