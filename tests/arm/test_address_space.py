"""What AKS refuses of the ranges and subnets of a cluster, each with a neighbour that it takes."""

from typing import Any

import pytest

from localcloud.arm.services.address_space import DELEGATION
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Made, RefusedError

VNET = "azure-native:network:VirtualNetwork"
NETWORK = CLUSTER_INPUTS["networkProfile"]
SYSTEM_POOL = CLUSTER_INPUTS["agentPoolProfiles"][0]
DELEGATED = [{"name": "aks", "serviceName": DELEGATION}]


def network(engine: Engine, name: str = "net", space: str = "10.1", **subnets: Any) -> dict[str, str]:
    """A network whose subnets are a prefix, or a prefix with delegations; ids by name."""
    inline = [
        {"name": key, "addressPrefix": f"{space}.{value}"}
        if isinstance(value, str)
        else {"name": key, "addressPrefix": f"{space}.{value[0]}", "delegations": value[1]}
        for key, value in subnets.items()
    ]
    made = engine.create(
        VNET,
        name,
        {
            "resourceGroupName": "rg",
            "virtualNetworkName": name,
            "addressSpace": {"addressPrefixes": [f"{space}.0.0/16"]},
            "subnets": inline,
        },
    )
    return {subnet["name"]: subnet["id"] for subnet in made.outputs["subnets"]}


def cluster(engine: Engine, **changes: Any) -> Made:
    inputs = {**CLUSTER_INPUTS, **changes}
    inputs["networkProfile"] = {k: v for k, v in inputs["networkProfile"].items() if v is not None}
    return engine.create(CLUSTER, "aks", inputs)


def pool(engine: Engine, name: str = "gpu", **changes: Any) -> Made:
    return engine.create(POOL, name, {**GPU_POOL, "agentPoolName": name, **changes})


def test_an_overlay_needs_a_24_of_the_pods_range_for_every_node(engine: Engine, group: Made) -> None:
    cluster(engine, networkProfile={**NETWORK, "podCidr": "10.244.0.0/22"})

    with pytest.raises(RefusedError, match='Status=400 Code="InsufficientSubnetSize"') as error:
        pool(engine, maxCount=4)
    text = "Pre-allocated IPs 1280 exceeds IPs available 1024 in Subnet Cidr 10.244.0.0/22, "
    assert f"{text}Subnet Name networkProfile.podCIDR." in str(error.value)
    pool(engine, maxCount=3)
    with pytest.raises(RefusedError, match="Pre-allocated IPs 1280 exceeds"):
        pool(engine, "more", maxCount=1)


@pytest.mark.parametrize(
    ("mode", "most", "needed"),
    [("overlay", 250, 252), (None, 7, 279)],
)
def test_nodes_and_on_a_plain_network_their_pods_fit_into_their_subnet(
    engine: Engine, group: Made, mode: str | None, most: int, needed: int
) -> None:
    nodes = network(engine, nodes="0.0/24")["nodes"]
    cluster(
        engine,
        networkProfile={**NETWORK, "networkPluginMode": mode},
        agentPoolProfiles=[{**SYSTEM_POOL, "vnetSubnetID": nodes, "maxPods": 30}],
    )
    asked = {"vnetSubnetID": nodes, "maxPods": 30}

    with pytest.raises(RefusedError, match=f"Pre-allocated IPs {needed} exceeds IPs available 251 in Subnet"):
        pool(engine, **asked, maxCount=most + 1)
    pool(engine, **asked, maxCount=most)


def test_services_lie_apart_from_every_subnet_of_the_network(engine: Engine, group: Made) -> None:
    nodes = network(engine, nodes="0.0/24", other="9.0/24")["nodes"]
    pools = [{**SYSTEM_POOL, "vnetSubnetID": nodes}]
    over = {"networkProfile": {**NETWORK, "serviceCidr": "10.1.8.0/21", "dnsServiceIP": "10.1.8.10"}}

    with pytest.raises(
        RefusedError,
        match=r"ServiceCidrOverlapExistingSubnetsCidr.*service CIDR 10\.1\.8\.0/21 is conflicted with an "
        r"existing subnet CIDR 10\.1\.9\.0/24",
    ):
        cluster(engine, agentPoolProfiles=pools, **over)
    cluster(engine, agentPoolProfiles=pools)


def test_the_pools_of_a_cluster_lie_in_one_network(engine: Engine, group: Made) -> None:
    subnets = network(engine, nodes="0.0/24", more="1.0/24")
    far = network(engine, "far", "10.2", nodes="0.0/24")
    cluster(engine, agentPoolProfiles=[{**SYSTEM_POOL, "vnetSubnetID": subnets["nodes"]}])

    with pytest.raises(RefusedError, match="'gpu' and 'system' lie in different virtual networks"):
        pool(engine, vnetSubnetID=far["nodes"])
    pool(engine, vnetSubnetID=subnets["more"])


def test_a_subnet_that_is_given_over_takes_no_nodes(engine: Engine, group: Made) -> None:
    subnets = network(engine, nodes="0.0/24", api=("1.0/28", DELEGATED))

    with pytest.raises(
        RefusedError, match=r"SubnetIsDelegated.*/subnets/api cannot be used as it's a delegated"
    ):
        cluster(engine, agentPoolProfiles=[{**SYSTEM_POOL, "vnetSubnetID": subnets["api"]}])
    cluster(engine, agentPoolProfiles=[{**SYSTEM_POOL, "vnetSubnetID": subnets["nodes"]}])


@pytest.mark.parametrize(
    ("subnet", "text"),
    [
        (None, "it is required with API server VNet integration"),
        (("1.0/28", None), "must be delegated to Microsoft.ContainerService/managedClusters"),
        (("1.0/28", [{"name": "x", "serviceName": "Microsoft.Web/serverFarms"}]), "must be delegated to"),
        (("1.0/29", DELEGATED), "must be a /28 or larger"),
        (("1.0/28", DELEGATED), ""),
    ],
)
def test_an_api_server_has_a_subnet_of_its_own_given_over_to_aks(
    engine: Engine, group: Made, subnet: Any, text: str
) -> None:
    subnets = network(engine, nodes="0.0/24", **({} if subnet is None else {"api": subnet}))
    access = {"enableVnetIntegration": True, "enablePrivateCluster": True}
    inputs = {
        "apiServerAccessProfile": {**access, **({"subnetId": subnets["api"]} if subnet else {})},
        "agentPoolProfiles": [{**SYSTEM_POOL, "vnetSubnetID": subnets["nodes"]}],
    }

    if text:
        with pytest.raises(RefusedError, match=rf"apiServerAccessProfile\.subnetId is invalid.*{text}"):
            cluster(engine, **inputs)
    else:
        assert cluster(engine, **inputs).outputs["privateFQDN"]


def test_a_subnet_that_is_not_there_is_no_subnet(engine: Engine, group: Made) -> None:
    nodes = network(engine, nodes="0.0/24")["nodes"]
    cluster(engine)

    with pytest.raises(RefusedError, match='Code="InvalidResourceReference"'):
        pool(engine, vnetSubnetID=f"{nodes}x")
    pool(engine, vnetSubnetID=nodes)


def test_a_cluster_has_at_most_5000_nodes_and_a_pool_1000(engine: Engine, group: Made) -> None:
    cluster(engine, networkProfile={**NETWORK, "podCidr": "11.0.0.0/11"})
    for number in range(4):
        pool(engine, f"p{number}", maxCount=1000)

    with pytest.raises(RefusedError, match=r"number of nodes 5001 .* exceeds the maximum 5000"):
        pool(engine, "last", maxCount=1000)
    pool(engine, "last", maxCount=999)


def test_a_cluster_has_at_most_100_pools(engine: Engine, group: Made) -> None:
    inline = [SYSTEM_POOL | {"name": f"p{number}"} for number in range(99)]
    cluster(engine, agentPoolProfiles=inline)
    pool(engine, "last")

    with pytest.raises(RefusedError, match="number of agent pools 101 exceeds the maximum 100"):
        pool(engine, "more")
