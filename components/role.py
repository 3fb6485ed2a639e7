"""Azure's built-in roles, by name, and their assignment."""

from enum import StrEnum

import pulumi
from pulumi_azure_native import authorization

from inference_stack.spec import Principal


class Role(StrEnum):
    """Built-in roles by the GUID that is the same in every tenant.

    That of Grafana is the one of Azure/prometheus-collector, AddonTerraformTemplate/main.tf.
    """

    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    AKS_RBAC_CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
    MONITORING_DATA_READER = "b0d8363b-8ddd-447d-831f-62ca05bff136"
    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
    STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def assign(
    name: str,
    role: Role,
    principal_id: pulumi.Input[str],
    scope: pulumi.Input[str],
    parent: pulumi.Resource,
    *,
    kind: Principal = Principal.SERVICE_PRINCIPAL,
) -> authorization.RoleAssignment:
    """Give a principal a role at a scope. A managed identity is a service principal."""
    subscription = authorization.get_client_config_output().subscription_id
    return authorization.RoleAssignment(
        name,
        principal_id=principal_id,
        # Said outright, ARM does not look the principal up, which fails for an identity just made.
        principal_type=kind.value,
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role.value
        ),
        scope=scope,
        opts=pulumi.ResourceOptions(parent=parent),
    )
