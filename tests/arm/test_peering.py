"""The way to a private API server: peered networks, and the zone that AKS makes for its name."""

from typing import Any

import pytest

from localcloud.arm.services import network
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GROUP, Engine, Inputs, Made, RefusedError

ZONE = "azure-native:privatedns:PrivateZone"
LINK = "azure-native:privatedns:VirtualNetworkLink"
PRIVATE: Inputs = {
    **CLUSTER_INPUTS,
    "apiServerAccessProfile": {
        "enablePrivateCluster": True,
        "enableVnetIntegration": True,
        "privateDNSZone": "system",
    },
}


def _network(engine: Engine, name: str, addresses: str) -> Made:
    return engine.create(
        network.NETWORK,
        name,
        {
            "resourceGroupName": "rg",
            "virtualNetworkName": name,
            "addressSpace": {"addressPrefixes": [addresses]},
        },
    )


def _peer(engine: Engine, one: Made, other: Made) -> Made:
    inputs = {
        "resourceGroupName": "rg",
        "virtualNetworkName": one.name,
        "virtualNetworkPeeringName": f"to-{other.name}",
        "remoteVirtualNetwork": {"id": other.id},
    }
    return engine.create(network.PEERING, f"{one.name}-{other.name}", inputs)


def test_a_peering_is_connected_when_both_sides_are_there(engine: Engine, group: Made) -> None:
    ours, theirs = _network(engine, "ours", "10.1.0.0/16"), _network(engine, "theirs", "10.2.0.0/16")
    out = _peer(engine, ours, theirs)
    assert out.outputs["peeringState"] == "Initiated"
    back = _peer(engine, theirs, ours)
    assert back.outputs["peeringState"] == "Connected"
    seen = engine.read(network.PEERING, out.id)
    assert seen is not None
    assert seen.outputs["peeringState"] == "Connected"
    assert seen.outputs["remoteAddressSpace"] == {"addressPrefixes": ["10.2.0.0/16"]}


def test_networks_that_share_addresses_are_not_peered(engine: Engine, group: Made) -> None:
    ours, theirs = _network(engine, "ours", "10.1.0.0/16"), _network(engine, "theirs", "10.1.128.0/17")
    with pytest.raises(RefusedError, match=r"VnetAddressSpacesOverlap.*prefixes: 10\.1\.128\.0/17"):
        _peer(engine, ours, theirs)


@pytest.mark.parametrize(("integrated", "zone_of"), [(True, "private"), (False, "privatelink")])
def test_the_zone_of_a_private_cluster_is_linked_and_goes_with_it(
    integrated: bool, zone_of: str, engine: Engine, group: Made
) -> None:
    theirs = _network(engine, "theirs", "10.2.0.0/16")
    access = {**PRIVATE["apiServerAccessProfile"], "enableVnetIntegration": integrated}
    cluster = engine.create(CLUSTER, "aks", {**PRIVATE, "apiServerAccessProfile": access})
    made = cluster.outputs
    zone = made["privateFQDN"].partition(".")[2]
    assert zone.endswith(f".{zone_of}.westeurope.azmk8s.io")
    link: dict[str, Any] = {
        "resourceGroupName": made["nodeResourceGroup"],
        "privateZoneName": zone,
        "virtualNetworkLinkName": "deployer",
        "location": "global",
        "virtualNetwork": {"id": theirs.id},
    }
    linked = engine.create(LINK, "link", link)
    assert engine.read(ZONE, linked.id.rpartition("/virtualNetworkLinks/")[0]) is not None
    engine.delete(cluster)
    assert engine.read(LINK, linked.id) is None
    assert engine.read(GROUP, linked.id.partition("/providers/")[0]) is None
    assert engine.read(GROUP, group.id) is not None


def test_a_public_cluster_has_no_zone(engine: Engine, cluster: Made) -> None:
    group = (
        f"{cluster.id.partition('/resourceGroups/')[0]}/resourceGroups/{cluster.outputs['nodeResourceGroup']}"
    )
    assert engine.read(GROUP, group) is None
