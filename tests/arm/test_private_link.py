from typing import Any

import pytest

from tests.arm.engine import Engine, Inputs, Made, RefusedError

AZURE = "azure-native"
ENDPOINT = f"{AZURE}:network:PrivateEndpoint"
LINK = f"{AZURE}:privatedns:VirtualNetworkLink"
ZONE = f"{AZURE}:privatedns:PrivateZone"
REGISTRY = f"{AZURE}:containerregistry:Registry"
BLOBS = "privatelink.blob.core.windows.net"
HERE = {"resourceGroupName": "rg"}
AKS = [{"name": "aks", "serviceName": "Microsoft.ContainerService/managedClusters"}]


@pytest.fixture
def network(engine: Engine, group: Made) -> Made:
    return engine.create(
        f"{AZURE}:network:VirtualNetwork",
        group.name,
        {**HERE, "virtualNetworkName": "net", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    )


@pytest.fixture
def subnets(engine: Engine, network: Made) -> dict[str, str]:
    def made(number: int, name: str, **more: Any) -> str:
        path = {**HERE, "virtualNetworkName": network.outputs["name"], "subnetName": name}
        inputs = {**path, "addressPrefix": f"10.0.{number}.0/24", **more}
        return engine.create(f"{AZURE}:network:Subnet", name, inputs).id

    return {"endpoints": made(0, "endpoints"), "taken": made(1, "taken", delegations=AKS)}


@pytest.fixture
def account(engine: Engine, group: Made) -> str:
    inputs = {**HERE, "accountName": "weights", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    return engine.create(f"{AZURE}:storage:StorageAccount", group.name, inputs).id


def endpoint(subnet: str, target: str, *parts: str) -> Inputs:
    connection = {"name": "c", "privateLinkServiceId": target, "groupIds": list(parts)}
    return {
        **HERE,
        "privateEndpointName": "endpoint",
        "location": "westeurope",
        "subnet": {"id": subnet},
        "privateLinkServiceConnections": [connection],
    }


def test_an_endpoint_leads_to_one_part_that_the_resource_has(
    engine: Engine, subnets: dict[str, str], account: str
) -> None:
    for parts, text in (
        (("blob", "dfs"), "OnlyOneGroupIdPermitted.*blob, dfs"),
        (("vault",), "Invalid groupId 'vault'; it has blob, dfs"),
        ((), "Invalid groupId ''"),
    ):
        with pytest.raises(RefusedError, match=text):
            engine.create(ENDPOINT, "e", endpoint(subnets["endpoints"], account, *parts))
    with pytest.raises(RefusedError, match="since it is delegated"):
        engine.create(ENDPOINT, "e", endpoint(subnets["taken"], account, "blob"))
    made = engine.create(ENDPOINT, "e", endpoint(subnets["endpoints"], account, "blob"))
    (connection,) = made.outputs["privateLinkServiceConnections"]
    assert connection["privateLinkServiceConnectionState"]["status"] == "Approved"


def test_a_registry_below_premium_neither_closes_nor_answers_privately(
    engine: Engine, subnets: dict[str, str]
) -> None:
    def registry(sku: str, reached: str) -> Inputs:
        name = f"reg{sku}{reached}"
        return {**HERE, "registryName": name, "sku": {"name": sku}, "publicNetworkAccess": reached}

    with pytest.raises(RefusedError, match="Disabling public network access is not supported for the SKU"):
        engine.create(REGISTRY, "r", registry("Standard", "Disabled"))
    basic = engine.create(REGISTRY, "r", registry("Basic", "Enabled"))
    with pytest.raises(RefusedError, match="not supported for the SKU Basic"):
        engine.create(ENDPOINT, "e", endpoint(subnets["endpoints"], basic.id, "registry"))
    closed = engine.create(REGISTRY, "r", registry("Premium", "Disabled"))
    assert engine.create(ENDPOINT, "e", endpoint(subnets["endpoints"], closed.id, "registry"))


def test_a_network_looks_a_name_up_in_one_zone(engine: Engine, network: Made) -> None:
    groups = {"rg", "hub"}
    engine.create(f"{AZURE}:resources:ResourceGroup", "hub", {"resourceGroupName": "hub"})
    for group in groups:
        engine.create(
            ZONE, group, {"resourceGroupName": group, "privateZoneName": BLOBS, "location": "global"}
        )

    def link(group: str, to: str) -> Inputs:
        path = {"resourceGroupName": group, "privateZoneName": BLOBS, "virtualNetworkLinkName": "names"}
        return {**path, "location": "global", "virtualNetwork": {"id": to}, "registrationEnabled": False}

    engine.create(LINK, "l", link("hub", network.id))
    with pytest.raises(RefusedError, match=f"overlapping namespaces.*'{BLOBS}' and '{BLOBS}'"):
        engine.create(LINK, "l", link("rg", network.id))


SETTING = f"{AZURE}:monitor:DiagnosticSetting"


@pytest.mark.parametrize(
    ("about", "log", "text"),
    [
        ("", {"category": "StorageRead"}, "Category 'StorageRead' is not supported"),
        ("/blobServices/default", {"category": "AuditEvent"}, "Category 'AuditEvent' is not supported"),
        ("/blobServices/default", {"categoryGroup": "all"}, "Category group 'all' is not supported"),
        ("/blobServices/default", {"categoryGroup": "audit", "category": "StorageRead"}, "not both"),
        ("/more", {"categoryGroup": "audit"}, "was not found"),
    ],
)
def test_a_diagnostic_setting_names_logs_that_the_resource_has(
    engine: Engine, account: str, about: str, log: Inputs, text: str
) -> None:
    workspace = {**HERE, "workspaceName": "the-logs"}
    sent = {
        "workspaceId": engine.create(f"{AZURE}:operationalinsights:Workspace", "w", workspace).id,
        "name": "audit",
    }
    wrong = {"resourceUri": account + about, "logs": [{**log, "enabled": True}]}
    with pytest.raises(RefusedError, match=text):
        engine.create(SETTING, "s", {**sent, **wrong})
    right = {"resourceUri": f"{account}/blobServices/default", "name": "audit"}
    audit = {"logs": [{"categoryGroup": "audit", "enabled": True}]}
    with pytest.raises(RefusedError, match="At least one data sink"):
        engine.create(SETTING, "s", {**right, **audit})
    assert engine.create(SETTING, "s", {**sent, **right, **audit})
