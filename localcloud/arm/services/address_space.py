"""What AKS demands of the address ranges and subnets of a cluster."""

import ipaddress
from collections.abc import Iterator

from localcloud.arm import wire
from localcloud.arm.kinds import POOL
from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put
from localcloud.arm.store import Store, Stored
from localcloud.arm.wire import Properties

DELEGATION = "Microsoft.ContainerService/managedClusters"
"""To whom the subnet of an API server is given over."""

_FORBIDDEN = tuple(
    ipaddress.ip_network(each)
    for each in ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
)
_RESERVED = 5
"""Addresses of a subnet that Azure keeps for itself."""
_POD_BLOCK = 256
"""An overlay gives each node a /24 of the pods' range."""
_MIN_API_PREFIX = 28

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def refuse_cluster(put: Put, shown: Properties) -> None:
    """Refuse ranges that AKS keeps, that lie over a subnet's, or an API server's subnet that will not do."""
    network = shown["networkProfile"]
    for name in ("podCidr", "serviceCidr"):
        if network.get(name) and any(_range(network[name]).overlaps(kept) for kept in _FORBIDDEN):
            raise refusal("CidrForbidden", target=f"networkProfile.{name}", cidr=network[name])
    profiles = put.body.get("agentPoolProfiles") or []
    nodes = [str(pool["vnetSubnetID"]) for pool in profiles if pool.get("vnetSubnetID")]
    if network.get("serviceCidr"):
        _refuse_overlap(put.store, str(network["serviceCidr"]), nodes)
    if wire.get(shown, "apiServerAccessProfile.enableVnetIntegration") is True:
        _refuse_api_subnet(put, wire.get(shown, "apiServerAccessProfile.subnetId"), nodes)


def refuse_pool(put: Put, shown: Properties) -> None:
    """Refuse a pool whose nodes or pods have too few addresses, or whose subnet will not do."""
    cluster = put.parent
    if cluster is None:
        return
    network = cluster.properties.get("networkProfile", {})
    overlay = network.get("networkPluginMode") == "overlay"
    others = [
        pool for pool in _others(put) if pool.parent_id and pool.parent_id.lower() == cluster.id.lower()
    ]
    if overlay and network.get("podCidr"):
        pods = _range(network["podCidr"])
        needed = _POD_BLOCK * sum(map(most_nodes, (shown, *(pool.properties for pool in others))))
        _refuse_size(needed, pods.num_addresses, pods, "networkProfile.podCIDR")
    subnet_id = str(shown.get("vnetSubnetID") or "")
    subnet = put.store.get(subnet_id)
    if subnet is None:
        return
    if subnet.properties.get("delegations"):
        raise refusal("SubnetIsDelegated", subnet=subnet_id)
    for other in others:
        theirs = str(other.properties.get("vnetSubnetID") or "")
        if theirs and _network_of(theirs) != _network_of(subnet_id):
            raise refusal("SubnetsInTwoNetworks", pool=put.name, other=other.name)
    sharing = [
        pool.properties for pool in _others(put) if _same(pool.properties.get("vnetSubnetID"), subnet_id)
    ]
    nodes = _range(str(subnet.properties["addressPrefix"]))
    needed = sum(most_nodes(each) * (1 if overlay else each["maxPods"] + 1) for each in (shown, *sharing))
    _refuse_size(needed, nodes.num_addresses - _RESERVED, nodes, subnet.name)


def most_nodes(pool: Properties) -> int:
    """Nodes that a pool may come to have: its maximum where it is autoscaled."""
    return int((pool.get("maxCount") if pool.get("enableAutoScaling") else pool.get("count")) or 0)


def _others(put: Put) -> Iterator[Stored]:
    return (pool for pool in put.store.all(POOL) if pool.id.lower() != put.id.lower())


def _refuse_size(needed: int, available: int, cidr: _Network, name: str) -> None:
    if needed > available:
        raise refusal("InsufficientSubnetSize", needed=needed, available=available, cidr=cidr, name=name)


def _refuse_overlap(store: Store, services: str, nodes: list[str]) -> None:
    for network_id in sorted({_network_of(subnet) for subnet in nodes}):
        for subnet in store.children(network_id):
            prefix = subnet.properties.get("addressPrefix")
            if prefix and _range(services).overlaps(_range(prefix)):
                raise refusal("ServiceCidrOverlapExistingSubnetsCidr", services=services, subnet=prefix)


def _refuse_api_subnet(put: Put, subnet_id: object, nodes: list[str]) -> None:
    if subnet_id is None and nodes:
        raise refusal("ApiServerSubnetMissing")
    subnet = put.store.get(str(subnet_id))
    if subnet is None:
        return
    services = [each.get("serviceName") for each in subnet.properties.get("delegations") or ()]
    if DELEGATION not in services:
        raise refusal("ApiServerSubnetNotDelegated", subnet=subnet.id)
    if _range(str(subnet.properties["addressPrefix"])).prefixlen > _MIN_API_PREFIX:
        raise refusal("ApiServerSubnetTooSmall", subnet=subnet.id)


def _range(cidr: str) -> _Network:
    return ipaddress.ip_network(cidr, strict=False)


def _network_of(subnet_id: str) -> str:
    return subnet_id.rpartition("/subnets/")[0].lower()


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and one.lower() == other.lower()
