"""Virtual networks and what hangs on them: what is refused, and what a GET shows."""

import ipaddress

from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put, guid
from localcloud.arm.store import Store, Stored
from localcloud.arm.wire import Properties

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
PEERING = "azure-native:network:VirtualNetworkPeering"


def resource(put: Put, body: Properties) -> Properties:
    """Any network resource without properties of its own here."""
    return {**body, "provisioningState": "Succeeded", "resourceGuid": guid(put.id, "resource")}


def subnet(_: Put, body: Properties) -> Properties:
    """A subnet."""
    return {
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
        **body,
        "provisioningState": "Succeeded",
    }


def peering(put: Put, body: Properties) -> Properties:
    """One side of a peering: connected as soon as there is the other."""
    other = _other_side(put)
    if other is not None:
        put.store.change(other.id, peeringState="Connected")
    remote = put.store.get(_remote(body))
    return {
        "allowForwardedTraffic": False,
        "allowGatewayTransit": False,
        "allowVirtualNetworkAccess": True,
        "useRemoteGateways": False,
        **body,
        "peeringState": "Initiated" if other is None else "Connected",
        "peeringSyncLevel": "FullyInSync",
        "remoteAddressSpace": remote.properties.get("addressSpace", {}) if remote else {},
        "provisioningState": "Succeeded",
    }


def _remote(body: Properties) -> str:
    return str(body.get("remoteVirtualNetwork", {}).get("id", ""))


def _other_side(put: Put) -> Stored | None:
    """The peering of the remote network that leads back."""
    back = str(put.kind.parent_id(put.id)).lower()
    peerings = [stored for stored in put.store.children(_remote(put.body)) if stored.type == PEERING]
    return next((stored for stored in peerings if _remote(stored.properties).lower() == back), None)


def refuse_peering(put: Put, shown: Properties) -> None:
    """Refuse networks that share addresses."""
    if put.parent is None:
        return
    remote = shown["remoteAddressSpace"].get("addressPrefixes", [])
    own = put.parent.properties.get("addressSpace", {}).get("addressPrefixes", [])
    shared = [str(prefix) for prefix in remote for other in own if _overlap(prefix, other)]
    if shared:
        raise refusal(
            "VnetAddressSpacesOverlap",
            peering=put.id,
            network=put.parent.id,
            remote=_remote(shown),
            prefixes=", ".join(shared),
        )


def _overlap(prefix: str, other: str) -> bool:
    one, two = ipaddress.ip_network(prefix), ipaddress.ip_network(other)
    return one.version == two.version and one.overlaps(two)


def public_ip(put: Put, body: Properties) -> Properties:
    """A public IP address, from the documentation range."""
    host = int(guid(put.id, "address")[:2], 16) % 254 + 1
    return {
        "idleTimeoutInMinutes": 4,
        "publicIPAddressVersion": "IPv4",
        "publicIPAllocationMethod": "Static",
        "sku": {"name": "Standard", "tier": "Regional"},
        **resource(put, body),
        "ipAddress": f"203.0.113.{host}",
    }


def private_endpoint(put: Put, body: Properties) -> Properties:
    """A private endpoint, approved at once."""
    connections = [
        {
            **connection,
            "privateLinkServiceConnectionState": {
                "status": "Approved",
                "description": "Auto-Approved",
                "actionsRequired": "None",
            },
            "provisioningState": "Succeeded",
        }
        for connection in body.get("privateLinkServiceConnections", [])
    ]
    interface = (
        f"{put.id.rpartition('/privateEndpoints/')[0]}/networkInterfaces/{put.name}.nic.{guid(put.id, 'nic')}"
    )
    return {
        **body,
        "privateLinkServiceConnections": connections,
        "networkInterfaces": [{"id": interface}],
        "provisioningState": "Succeeded",
    }


def private_zone(_: Put, body: Properties) -> Properties:
    """A private DNS zone."""
    return {
        **body,
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": 1000,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        "numberOfRecordSets": 1,
        "provisioningState": "Succeeded",
    }


def zone_link(_: Put, body: Properties) -> Properties:
    """A private DNS zone's link to a virtual network."""
    return {
        "registrationEnabled": False,
        "resolutionPolicy": "Default",
        **body,
        "virtualNetworkLinkState": "Completed",
        "provisioningState": "Succeeded",
    }


def refuse_subnet(put: Put, shown: Properties) -> None:
    """Refuse a range outside the network's, or over another subnet's."""
    network = put.parent
    wanted = _ranges(shown)
    if network is None:
        return
    space = [
        ipaddress.ip_network(p) for p in network.properties.get("addressSpace", {}).get("addressPrefixes", [])
    ]
    for prefix in wanted:
        if not any(prefix.version == whole.version and prefix.subnet_of(whole) for whole in space):  # pyright: ignore[reportArgumentType]
            raise refusal("NetcfgInvalidSubnet", name=put.name, network=network.name)
    for other in put.store.children(network.id):
        taken = _ranges(other.properties) if other.id.lower() != put.id.lower() else []
        if any(
            prefix.overlaps(theirs)
            for prefix in wanted
            for theirs in taken
            if prefix.version == theirs.version
        ):
            raise refusal("NetcfgSubnetRangesOverlap", name=put.name, other=other.name)


def _ranges(subnet: Properties) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    prefixes = [
        *subnet.get("addressPrefixes", []),
        *([subnet["addressPrefix"]] if "addressPrefix" in subnet else []),
    ]
    return [ipaddress.ip_network(prefix, strict=False) for prefix in prefixes]


def refuse_delete(store: Store, leaving: Stored) -> None:
    """Refuse to delete a subnet, or a network whose subnet, something else still lies in."""
    subnets = [leaving] if leaving.type == SUBNET else store.children(leaving.id)
    within = {stored.id.lower() for stored in store.within(leaving.id)}
    for subnet in subnets:
        users = [user for user in store.mentioning(f'"{subnet.id}"') if user.id.lower() not in within]
        if users:
            raise refusal("InUseSubnetCannotBeDeleted", name=subnet.name, user=users[0].id)
