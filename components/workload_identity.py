"""An Azure identity that the pods of one Kubernetes service account hold, without any secret."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
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
    namespace: pulumi.Input[str]
    """Required. Kubernetes namespace of the service account; it must exist."""
    service_account: str
    """Required. Name of the service account, which is made."""
    grants: Mapping[str, pulumi.Input[str]]
    """Required. Role name of `components.role.Role` to the ARM id that it is given on."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


class WorkloadIdentity(pulumi.ComponentResource):
    """User-assigned identity, its roles, its trust in one service account, and that service account."""

    client_id: pulumi.Output[str]
    """Client id of the identity."""
    service_account: pulumi.Output[str]
    """Name of the service account."""

    def __init__(
        self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register identity, roles, federated credential and service account."""
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
        managedidentity.FederatedIdentityCredential(
            f"{name}-trust",
            resource_group_name=args["resource_group_name"],
            resource_name_=identity.name,
            issuer=args["issuer"],
            subject=pulumi.Output.concat(
                "system:serviceaccount:", args["namespace"], ":", args["service_account"]
            ),
            audiences=["api://AzureADTokenExchange"],
            opts=child,
        )
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-service-account",
            metadata={
                "name": args["service_account"],
                "namespace": args["namespace"],
                "annotations": {"azure.workload.identity/client-id": identity.client_id},
            },
            opts=child,
        )
        self.client_id = identity.client_id
        self.service_account = account.metadata.apply(lambda metadata: metadata.name or "")
        self.register_outputs({"client_id": self.client_id, "service_account": self.service_account})
