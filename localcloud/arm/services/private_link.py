"""Private endpoints and the zones of their names: what is refused."""

from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put
from localcloud.arm.services.data import STORAGE
from localcloud.arm.wire import Properties

ENDPOINT = "azure-native:network:PrivateEndpoint"
GROUP = "azure-native:network:PrivateDnsZoneGroup"
LINK = "azure-native:privatedns:VirtualNetworkLink"
REGISTRY = "azure-native:containerregistry:Registry"
VAULT = "azure-native:keyvault:Vault"

_PARTS = {
    STORAGE: ("blob", "dfs", "file", "queue", "table", "web"),
    REGISTRY: ("registry",),
    VAULT: ("vault",),
}
"""Parts of a resource that answer privately (learn.microsoft.com private-endpoint-overview)."""
_OPEN_TO_ENDPOINTS = "Premium"


def refuse_endpoint(put: Put, shown: Properties) -> None:
    """Refuse an endpoint to no part, to several, to one that is not there, or in a subnet given away."""
    for connection in shown["privateLinkServiceConnections"]:
        target = str(connection.get("privateLinkServiceId", ""))
        parts = connection.get("groupIds") or []
        stored = put.store.get(target)
        known = _PARTS.get(stored.type) if stored else None
        if stored is None or known is None:
            continue
        if len(parts) > 1:
            raise refusal("OnlyOneGroupIdPermitted", connection=put.id, parts=", ".join(parts), target=target)
        if not parts or parts[0] not in known:
            given = parts[0] if parts else ""
            raise refusal("InvalidGroupId", part=given, target=target, allowed=", ".join(known))
        if stored.type == REGISTRY and stored.properties["sku"]["name"] != _OPEN_TO_ENDPOINTS:
            raise refusal("EndpointNeedsPremium", sku=stored.properties["sku"]["name"])
    subnet = put.store.get(str((shown.get("subnet") or {}).get("id", "")))
    if subnet is not None and subnet.properties.get("delegations"):
        raise refusal("EndpointInDelegatedSubnet", subnet=subnet.id)


def refuse_link(put: Put, shown: Properties) -> None:
    """Refuse to link a network to a second zone of the same name, or twice to one zone."""
    zone = str(put.kind.parent_id(put.id)).rpartition("/")[2]
    network = str(shown["virtualNetwork"]["id"]).lower()
    for other in put.store.all(LINK):
        same = str(other.properties["virtualNetwork"]["id"]).lower() == network
        theirs = str(other.parent_id).rpartition("/")[2]
        if other.id.lower() != put.id.lower() and same and theirs.lower() == zone.lower():
            raise refusal("ZonesOverlap", zone=zone, other=theirs)


def refuse_registry(_: Put, shown: Properties) -> None:
    """Refuse to close a registry of a tier that has no private endpoints."""
    sku = shown["sku"]["name"]
    if shown["publicNetworkAccess"] == "Disabled" and sku != _OPEN_TO_ENDPOINTS:
        raise refusal("DisablingPublicNetworkAccessNotSupported", sku=sku)
