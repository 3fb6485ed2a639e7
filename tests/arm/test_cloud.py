"""What ARM refuses of any resource, and of those that are not AKS's."""

from pathlib import Path

import pytest

import localcloud.arm
from localcloud.arm.cloud import name_rules
from localcloud.arm.kinds import kind
from localcloud.arm.refusal import refusals
from localcloud.arm.services import network
from localcloud.arm.wire import encode, get
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GROUP, POOL, Engine, Inputs, Made, RefusedError

AZURE = "azure-native"
IDENTITY = f"{AZURE}:managedidentity:UserAssignedIdentity"
CREDENTIAL = f"{AZURE}:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = f"{AZURE}:authorization:RoleAssignment"
STORAGE = f"{AZURE}:storage:StorageAccount"
CONTAINER = f"{AZURE}:storage:BlobContainer"
VAULT = f"{AZURE}:keyvault:Vault"
SECRET = f"{AZURE}:keyvault:Secret"
REGISTRY = f"{AZURE}:containerregistry:Registry"
ENDPOINT = f"{AZURE}:network:PrivateEndpoint"

IN_GROUP: Inputs = {"resourceGroupName": "rg"}
ACCOUNT: Inputs = {**IN_GROUP, "accountName": "weights", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
VAULT_PROPERTIES: Inputs = {"properties": {"sku": {"family": "A", "name": "standard"}, "tenantId": "t"}}
NETWORK: Inputs = {
    **IN_GROUP,
    "virtualNetworkName": "net",
    "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
}
SUBNET: Inputs = {
    **IN_GROUP,
    "virtualNetworkName": "net",
    "subnetName": "nodes",
    "addressPrefix": "10.1.0.0/24",
}
ROLE = "/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ISSUER = {"issuer": "https://issuer/", "subject": "system:serviceaccount:a:b", "audiences": ["api://x"]}

NAMES = {
    POOL: (["gpu", "g"], ["Gpu", "1gpu", "gpu-1", "a" * 13]),
    CLUSTER: (["aks", "a", "a_b-c"], ["-a", "a-", "a" * 64]),
    STORAGE: (["weights1"], ["ab", "Weights", "a-b", "a" * 25]),
    CONTAINER: (["models", "a-b", "$root"], ["ab", "Models", "a--b", "-ab"]),
    VAULT: (["kv-1", "abc"], ["1kv", "kv--1", "kv-", "ab", "a" * 25]),
    SECRET: (["hf-token"], ["hf_token", "a" * 128]),
    REGISTRY: (["registry1"], ["abcd", "reg-istry", "a" * 51]),
    IDENTITY: (["serving", "a_b-c"], ["ab", "-abc"]),
    CREDENTIAL: (["ray", "a_b-c"], ["ab", "-abc", "a" * 121]),
    ASSIGNMENT: (["00000000-0000-0000-0000-00000000000f"], ["reader"]),
    GROUP: (["rg", "rg-1.(x)_y"], ["rg.", "rg/x", "a" * 91]),
    network.NETWORK: (["net-1"], ["n", "-net"]),
    network.SUBNET: (["nodes", "n"], ["-nodes", "a" * 81]),
    f"{AZURE}:network:NetworkSecurityGroup": (["nsg"], ["-nsg"]),
    f"{AZURE}:network:PublicIPAddress": (["ip"], ["-ip"]),
    f"{AZURE}:network:NatGateway": (["nat"], ["-nat"]),
    ENDPOINT: (["pe-1"], ["-pe"]),
    f"{AZURE}:operationalinsights:Workspace": (["logs"], ["log", "-logs", "logs-"]),
    f"{AZURE}:dashboard:Grafana": (["grafana-1"], ["1grafana", "a" * 24]),
    f"{AZURE}:monitor:AzureMonitorWorkspace": (["prometheus"], ["-prometheus", "a" * 64]),
}


def test_every_row_of_the_names_table_is_tried() -> None:
    assert NAMES.keys() == name_rules().keys()


@pytest.mark.parametrize(
    ("token", "name"), [(token, name) for token, (good, _) in NAMES.items() for name in good]
)
def test_a_name_that_azure_takes_passes(token: str, name: str) -> None:
    assert name_rules()[token].pattern.fullmatch(name)


@pytest.mark.parametrize(
    ("token", "name"), [(token, name) for token, (_, bad) in NAMES.items() for name in bad]
)
def test_a_name_that_azure_refuses_fails(token: str, name: str) -> None:
    assert not name_rules()[token].pattern.fullmatch(name)


def test_the_refusal_of_a_name_says_which(engine: Engine, group: Made) -> None:
    with pytest.raises(
        RefusedError, match='Code="AccountNameInvalid" Message="Weights is not a valid storage'
    ):
        engine.create(STORAGE, "st", {**ACCOUNT, "accountName": "Weights"})


def test_every_refusal_of_the_table_is_raised_somewhere() -> None:
    root = Path(localcloud.arm.__file__).parent
    tables = [path for path in root.glob("tables/*") if path.name != "refusals.toml"]
    written = "\n".join(path.read_text() for path in [*root.rglob("*.py"), *tables])

    assert [name for name in refusals() if f'"{name}"' not in written and f",{name}," not in written] == []


@pytest.mark.parametrize("token", sorted(NAMES.keys() - {GROUP, ASSIGNMENT}))
def test_a_resource_needs_its_group(engine: Engine, token: str) -> None:
    parameters = kind(token).parameters
    path = {
        name: "/subscriptions/s/resourceGroups/rg" if name == "resourceUri" else "abcdef"
        for name in parameters
    }
    with engine.store() as store:
        assert store.within("/subscriptions") == []

    with pytest.raises(
        RefusedError, match=r'Status=404 Code="ResourceGroupNotFound" Message="Resource group \'abcdef'
    ):
        engine.call("Create", urn=f"urn:pulumi:dev::t::{token}::x", properties=encode(path))


def test_a_second_resource_of_the_same_id_is_refused(engine: Engine, group: Made) -> None:
    with pytest.raises(RefusedError, match=f"^cannot create already existing resource '{group.id}'$"):
        engine.create(GROUP, "other", {"resourceGroupName": "rg"})


def test_a_resource_does_not_move(engine: Engine, group: Made) -> None:
    account = engine.create(STORAGE, "st", ACCOUNT)

    with pytest.raises(RefusedError, match='Status=409 Code="InvalidResourceLocation"'):
        engine.update(account, {"location": "uksouth"})
    with pytest.raises(RefusedError, match='Status=409 Code="InvalidResourceGroupLocation"'):
        engine.update(group, {"location": "uksouth"})
    engine.update(account, {"location": "West Europe"})


@pytest.mark.parametrize(
    ("token", "inputs", "code"),
    [
        (STORAGE, ACCOUNT, "StorageAccountAlreadyTaken"),
        (VAULT, {"vaultName": "vault", **VAULT_PROPERTIES}, "VaultAlreadyExists"),
        (REGISTRY, {"registryName": "images", "sku": {"name": "Premium"}}, "AlreadyInUse"),
    ],
)
def test_some_names_are_unique_in_all_of_azure(
    engine: Engine, group: Made, token: str, inputs: Inputs, code: str
) -> None:
    engine.create(GROUP, "rg2", {"resourceGroupName": "rg2"})
    made = engine.create(token, "one", {**inputs, "resourceGroupName": "rg"})

    with pytest.raises(RefusedError, match=f'Status=409 Code="{code}"'):
        engine.create(token, "two", {**inputs, "resourceGroupName": "rg2"})

    engine.delete(made)
    engine.create(token, "two", {**inputs, "resourceGroupName": "rg2"})


def test_a_child_needs_its_parent(engine: Engine, group: Made) -> None:
    with pytest.raises(RefusedError, match=r"ParentResourceNotFound.*Parent resource 'net' not found"):
        engine.create(network.SUBNET, "nodes", SUBNET)

    engine.create(network.NETWORK, "net", NETWORK)
    engine.create(network.SUBNET, "nodes", SUBNET)


def test_a_reference_must_lead_somewhere(engine: Engine, group: Made) -> None:
    engine.create(network.NETWORK, "net", NETWORK)
    nsg = f"{group.id}/providers/Microsoft.Network/networkSecurityGroups/nsg"

    with pytest.raises(
        RefusedError, match=f'Code="InvalidResourceReference" Message="Resource {nsg} referenced by'
    ):
        engine.create(network.SUBNET, "nodes", {**SUBNET, "networkSecurityGroup": {"id": nsg}})

    path = {**IN_GROUP, "networkSecurityGroupName": "nsg"}
    engine.create(f"{AZURE}:network:NetworkSecurityGroup", "nsg", path)
    engine.create(network.SUBNET, "nodes", {**SUBNET, "networkSecurityGroup": {"id": nsg}})


def test_subnets_lie_apart_within_their_network(engine: Engine, group: Made) -> None:
    engine.create(network.NETWORK, "net", NETWORK)
    engine.create(network.SUBNET, "nodes", SUBNET)

    with pytest.raises(RefusedError, match="NetcfgInvalidSubnet"):
        engine.create(network.SUBNET, "out", {**SUBNET, "subnetName": "out", "addressPrefix": "10.2.0.0/24"})
    with pytest.raises(RefusedError, match=r"NetcfgSubnetRangesOverlap.*existing subnet 'nodes'"):
        engine.create(
            network.SUBNET, "over", {**SUBNET, "subnetName": "over", "addressPrefix": "10.1.0.128/25"}
        )
    engine.create(network.SUBNET, "next", {**SUBNET, "subnetName": "next", "addressPrefix": "10.1.1.0/24"})


def test_a_subnet_in_use_stays(engine: Engine, group: Made) -> None:
    made = engine.create(network.NETWORK, "net", NETWORK)
    subnet = engine.create(network.SUBNET, "nodes", SUBNET)
    pools = [{**CLUSTER_INPUTS["agentPoolProfiles"][0], "vnetSubnetID": subnet.id}]
    cluster = engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, "agentPoolProfiles": pools})

    for leaving in (subnet, made):
        with pytest.raises(
            RefusedError, match=r"InUseSubnetCannotBeDeleted.*Subnet nodes is in use by .*/system and"
        ):
            engine.delete(leaving)

    engine.delete(cluster)
    engine.delete(subnet)
    engine.delete(made)


def test_subnets_sent_with_their_network_are_made_and_unmade(engine: Engine, group: Made) -> None:
    inline = [{"name": name, "addressPrefix": f"10.1.{index}.0/24"} for index, name in enumerate("ab")]
    made = engine.create(network.NETWORK, "net", {**NETWORK, "subnets": inline})
    assert [subnet["id"] for subnet in made.outputs["subnets"]] == [
        f"{made.id}/subnets/{name}" for name in "ab"
    ]

    assert [s["name"] for s in engine.update(made, {"subnets": inline[:1]}).outputs["subnets"]] == ["a"]


def test_a_deleted_group_takes_everything_along(
    engine: Engine, group: Made, cluster: Made, pool: Made
) -> None:
    grant = {"scope": group.id, "principalId": "p", "roleDefinitionId": ROLE}
    engine.create(ASSIGNMENT, "grant", grant)
    other = engine.create(GROUP, "rg2", {"resourceGroupName": "rg2"})

    engine.delete(group)

    with engine.store() as store:
        assert [stored.id for stored in store.within("/subscriptions")] == [other.id]


def test_deleting_what_is_gone_is_no_error(engine: Engine, group: Made) -> None:
    engine.delete(group)
    engine.delete(group)


def test_the_same_role_is_granted_once(engine: Engine, group: Made) -> None:
    grant = {"scope": group.id, "principalId": "p", "roleDefinitionId": ROLE}
    engine.create(ASSIGNMENT, "one", grant)
    whole = f"/subscriptions/s{ROLE}"

    with pytest.raises(RefusedError, match='Status=409 Code="RoleAssignmentExists"'):
        engine.create(ASSIGNMENT, "two", {**grant, "roleDefinitionId": whole})
    engine.create(ASSIGNMENT, "three", {**grant, "principalId": "q"})


def test_a_role_assignments_principal_is_fixed(engine: Engine, group: Made) -> None:
    made = engine.create(ASSIGNMENT, "one", {"scope": group.id, "principalId": "p", "roleDefinitionId": ROLE})

    engine.update(made, {"description": "why"})
    with pytest.raises(RefusedError, match="RoleAssignmentUpdateNotPermitted"):
        engine.update(made, {"principalId": "q"})


def test_an_issuer_and_subject_are_trusted_once(engine: Engine, group: Made) -> None:
    engine.create(IDENTITY, "serving", {**IN_GROUP, "resourceName": "serving"})
    path = {**IN_GROUP, "resourceName": "serving", **ISSUER}
    engine.create(CREDENTIAL, "one", path)

    with pytest.raises(RefusedError, match="Issuer and subject combination already exists"):
        engine.create(CREDENTIAL, "two", path)
    for number in range(19):
        engine.create(CREDENTIAL, f"more{number}", {**path, "subject": f"s{number}"})
    with pytest.raises(RefusedError, match="Too many Federated Identity Credentials"):
        engine.create(CREDENTIAL, "last", {**path, "subject": "last"})


def test_a_claim_of_a_credential_has_at_most_600_characters(engine: Engine, group: Made) -> None:
    engine.create(IDENTITY, "serving", {**IN_GROUP, "resourceName": "serving"})
    path = {**IN_GROUP, "resourceName": "serving", **ISSUER}

    for claim, value in (
        ("subject", "s" * 601),
        ("issuer", "i" * 601),
        ("audiences", ["api://x", "a" * 601]),
    ):
        with pytest.raises(RefusedError, match=rf"value of {claim}.* has 601 characters"):
            engine.create(CREDENTIAL, "ray", {**path, claim: value})
    engine.create(CREDENTIAL, "ray", {**path, "subject": "s" * 600})


def test_a_resource_has_at_most_50_tags_that_differ_in_more_than_case(engine: Engine, group: Made) -> None:
    fifty = {f"tag{number}": "x" for number in range(50)}

    with pytest.raises(RefusedError, match=r'Status=400 Code="InvalidTagCount".* has 51 tags'):
        engine.create(STORAGE, "st", {**ACCOUNT, "tags": {**fifty, "more": "x"}})
    with pytest.raises(RefusedError, match="tag names are case-insensitive"):
        engine.create(STORAGE, "st", {**ACCOUNT, "tags": {"owner": "x", "Owner": "y"}})
    engine.create(STORAGE, "st", {**ACCOUNT, "tags": fifty})


def test_a_secrets_value_is_never_given_back(engine: Engine, group: Made) -> None:
    engine.create(VAULT, "kv", {**IN_GROUP, "vaultName": "vault", **VAULT_PROPERTIES})
    path = {**IN_GROUP, "vaultName": "vault", "secretName": "token"}
    made = engine.create(
        SECRET, "token", {**path, "properties": {"value": "pl4nted-value", "contentType": "x"}}
    )

    assert "pl4nted-value" not in str(made.outputs)
    assert made.outputs["properties"]["secretUri"] == "https://vault.vault.azure.net/secrets/token"
    written = b"".join(path.read_bytes() for path in engine.folder.rglob("*") if path.is_file())
    assert b"pl4nted-value" not in written
    found = engine.refresh(made)
    assert found is not None
    assert found.inputs["properties"]["value"] == "pl4nted-value"


@pytest.mark.parametrize(
    ("token", "inputs", "path", "value"),
    [
        (IDENTITY, {"resourceName": "serving"}, "tenantId", "00000000-0000-0000-0000-000000000002"),
        (STORAGE, ACCOUNT, "primaryEndpoints.dfs", "https://weights.dfs.core.windows.net/"),
        (
            VAULT,
            {"vaultName": "vault", **VAULT_PROPERTIES},
            "properties.vaultUri",
            "https://vault.vault.azure.net/",
        ),
        (
            REGISTRY,
            {"registryName": "images", "sku": {"name": "Premium"}},
            "loginServer",
            "images.azurecr.io",
        ),
        (f"{AZURE}:operationalinsights:Workspace", {"workspaceName": "logs"}, "retentionInDays", 30),
        (
            f"{AZURE}:privatedns:PrivateZone",
            {"privateZoneName": "a.b", "location": "global"},
            "numberOfRecordSets",
            1,
        ),
        (f"{AZURE}:network:PublicIPAddress", {"publicIpAddressName": "ip"}, "publicIPAddressVersion", "IPv4"),
        (
            f"{AZURE}:monitor:AzureMonitorWorkspace",
            {"azureMonitorWorkspaceName": "prom"},
            "metrics.prometheusQueryEndpoint",
            "https://prom.westeurope.prometheus.monitor.azure.com",
        ),
        (
            f"{AZURE}:dashboard:Grafana",
            {"workspaceName": "dash", "identity": {"type": "SystemAssigned"}},
            "properties.endpoint",
            "https://dash.westeurope.grafana.azure.com",
        ),
    ],
)
def test_a_get_shows_what_the_service_fills_in(
    engine: Engine, group: Made, token: str, inputs: Inputs, path: str, value: object
) -> None:
    made = engine.create(token, "x", {**IN_GROUP, **inputs})

    assert get(made.outputs, path) == value
    again = engine.refresh(made)
    assert again == made
    assert engine.update(made, {"tags": {"a": "b"}}).outputs[path.partition(".")[0]]


def test_a_private_endpoint_is_approved(engine: Engine, group: Made) -> None:
    engine.create(network.NETWORK, "net", NETWORK)
    subnet = engine.create(network.SUBNET, "nodes", SUBNET)
    account = engine.create(STORAGE, "st", ACCOUNT)
    connection = {"name": "blob", "groupIds": ["blob"], "privateLinkServiceId": account.id}
    inputs = {**IN_GROUP, "subnet": {"id": subnet.id}, "privateLinkServiceConnections": [connection]}

    made = engine.create(ENDPOINT, "pe", inputs)

    state = made.outputs["privateLinkServiceConnections"][0]["privateLinkServiceConnectionState"]
    assert state["status"] == "Approved"
    found = engine.refresh(made)
    assert found is not None
    assert found.inputs == made.inputs
