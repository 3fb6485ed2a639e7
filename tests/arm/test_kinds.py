import re

import pytest

from localcloud.arm.kinds import UnknownKindError, kind, kinds
from localcloud.arm.sdk import shape_of

CLUSTER_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"
POOL_ID = f"{CLUSTER_ID}/agentPools/gpu"
GRANT_ID = f"{POOL_ID}/providers/Microsoft.Authorization/roleAssignments/guid"


@pytest.mark.parametrize("token", kinds())
def test_every_row_names_inputs_and_a_version_of_the_installed_sdk(token: str) -> None:
    row, shape = kind(token), shape_of(token)

    assert set(row.parameters) <= shape.inputs.keys()
    assert {path.partition(".")[0] for path in row.force_new} <= shape.inputs.keys()
    assert row.children.keys() <= shape.inputs.keys()
    assert {re.split(r"[.\[]", path)[0] for path in row.refers_to} <= shape.inputs.keys()


def test_a_type_without_a_row_is_refused_with_the_way_to_add_one() -> None:
    with pytest.raises(UnknownKindError, match=r"does not serve azure-native:sql:Server.*kinds\.toml"):
        kind("azure-native:sql:Server")


def test_an_agent_pool_id_is_made_and_taken_apart() -> None:
    row = kind("azure-native:containerservice:AgentPool")
    path = {"resourceGroupName": "rg", "resourceName": "aks", "agentPoolName": "gpu"}

    assert row.resource_id(dict(path), "s") == POOL_ID
    assert row.parse(POOL_ID) == path
    assert row.parse(POOL_ID.replace("resourceGroups", "resourcegroups")) == path
    assert row.parse(f"{POOL_ID}/more/x") is None
    assert row.arm_type == "Microsoft.ContainerService/managedClusters/agentPools"


def test_a_role_assignment_keeps_its_whole_scope() -> None:
    row = kind("azure-native:authorization:RoleAssignment")
    made = row.resource_id({"scope": POOL_ID, "roleAssignmentName": "guid"}, "s")

    assert made == GRANT_ID
    assert row.parse(made) == {"scope": POOL_ID, "roleAssignmentName": "guid"}


@pytest.mark.parametrize(
    ("token", "path", "parent"),
    [
        ("containerservice:AgentPool", POOL_ID, CLUSTER_ID),
        (
            "storage:BlobContainer",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a"
            "/blobServices/default/containers/c",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
        ),
        ("containerservice:ManagedCluster", CLUSTER_ID, None),
        (
            "authorization:RoleAssignment",
            GRANT_ID,
            None,
        ),
        ("resources:ResourceGroup", "/subscriptions/s/resourceGroups/rg", None),
    ],
)
def test_the_parent_is_the_resource_that_the_id_lies_under(token: str, path: str, parent: str | None) -> None:
    assert kind(f"azure-native:{token}").parent_id(path) == parent


@pytest.mark.parametrize(
    ("token", "autoname"),
    [
        ("resources:ResourceGroup", "random"),
        ("containerservice:ManagedCluster", "random"),
        ("storage:StorageAccount", "random"),
        ("keyvault:Vault", "random"),
        ("managedidentity:UserAssignedIdentity", "random"),
        ("monitor:DiagnosticSetting", "random"),
        ("containerservice:AgentPool", "copy"),
        ("network:Subnet", "copy"),
        ("managedidentity:FederatedIdentityCredential", "copy"),
        ("authorization:RoleAssignment", "uuid"),
    ],
)
def test_an_unnamed_resource_is_named_as_azure_native_does(token: str, autoname: str) -> None:
    assert kind(f"azure-native:{token}").autoname == autoname
