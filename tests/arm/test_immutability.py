"""Each row of ``immutable.csv`` that the SDK exposes, and the one-way properties of a cluster."""

from copy import deepcopy
from typing import Any

import pytest

from localcloud.arm import wire
from localcloud.arm.cloud import Cloud
from localcloud.arm.immutability import Immutable, immutables, transitions
from localcloud.arm.kinds import kind
from localcloud.arm.refusal import ArmError, refusals
from localcloud.arm.sdk import shape_of
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Inputs, Made, RefusedError

SUBNET = "/subscriptions/s/resourceGroups/elsewhere/providers/Microsoft.Else/things"
KUBELETS = ({"cpuManagerPolicy": "static"}, {"cpuManagerPolicy": "none"})
SYSCTLS = ({"swapFileSizeMB": 1500}, {"swapFileSizeMB": 2000})
SPOT = {"scaleSetPriority": "Spot"}

VALUES: dict[str, tuple[Any, Any]] = {
    "vmSize": ("Standard_NC40ads_H100_v5", "Standard_NC80adis_H100_v5"),
    "gpuInstanceProfile": ("MIG2g", "MIG1g"),
    "gpuProfile.driver": ("Install", "None"),
    "gpuProfile.driverType": ("GRID", "CUDA"),
    "gpuProfile.nvidia.managementMode": ("Managed", "Unmanaged"),
    "gpuProfile.nvidia.migStrategy": ("Single", "Mixed"),
    "osDiskType": ("Ephemeral", "Managed"),
    "osDiskSizeGB": (512, 256),
    "vnetSubnetID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "podSubnetID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "kubeletConfig": KUBELETS,
    "linuxOSConfig": SYSCTLS,
    "kubeletDiskType": ("OS", "Temporary"),
    "availabilityZones": (["1", "2"], ["1"]),
    "maxPods": (50, 60),
    "scaleSetPriority": ("Regular", "Spot"),
    "scaleSetEvictionPolicy": ("Delete", "Deallocate"),
    "spotMaxPrice": (-1, 2.5),
    "enableUltraSSD": (False, True),
    "enableEncryptionAtHost": (True, False),
    "enableNodePublicIP": (False, True),
    "nodePublicIPPrefixID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "networkProfile.nodePublicIPTags": (
        [{"ipTagType": "RoutingPreference", "tag": "Internet"}],
        [{"ipTagType": "RoutingPreference", "tag": "Other"}],
    ),
    "proximityPlacementGroupID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "hostGroupID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "capacityReservationGroupID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "type": ("VirtualMachineScaleSets", "VirtualMachines"),
    "osType": ("Linux", "Windows"),
    "creationData.sourceResourceId": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "workloadRuntime": ("OCIContainer", "KataVmIsolation"),
    "windowsProfile.disableOutboundNat": (False, True),
    "gatewayProfile.publicIPPrefixSize": (30, 31),
    "messageOfTheDay": ("aGk=", "aG8="),
    "dnsPrefix": ("aks", "other"),
    "fqdnSubdomain": ("one", "two"),
    "nodeResourceGroup": ("one", "two"),
    "networkProfile.networkPlugin": ("azure", "none"),
    "networkProfile.networkMode": ("transparent", "bridge"),
    "networkProfile.serviceCidr": ("10.0.0.0/16", "10.1.0.0/16"),
    "networkProfile.dnsServiceIP": ("10.0.0.10", "10.0.0.11"),
    "networkProfile.loadBalancerSku": ("standard", "basic"),
    "apiServerAccessProfile.privateDNSZone": ("system", "none"),
    "enableRBAC": (True, False),
    "linuxProfile.adminUsername": ("one", "two"),
    "diskEncryptionSetID": (f"{SUBNET}/a", f"{SUBNET}/b"),
    "servicePrincipalProfile.clientId": ("msi", "00000000-0000-0000-0000-00000000000a"),
}
"""A value to create with and another to change to, for each path."""

BESIDE: dict[str, Inputs] = {
    "scaleSetEvictionPolicy": SPOT,
    "spotMaxPrice": SPOT,
    "linuxProfile.adminUsername": {"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa x"}]}}},
}
"""What must be there beside a property."""

FIXED_AT_CREATION = {
    POOL: """
    vmSize gpuInstanceProfile gpuProfile.driver gpuProfile.driverType gpuProfile.nvidia.managementMode
    gpuProfile.nvidia.migStrategy osDiskType osDiskSizeGB vnetSubnetID podSubnetID kubeletConfig
    linuxOSConfig kubeletDiskType availabilityZones maxPods scaleSetPriority scaleSetEvictionPolicy
    spotMaxPrice enableUltraSSD enableEncryptionAtHost enableNodePublicIP nodePublicIPPrefixID
    networkProfile.nodePublicIPTags proximityPlacementGroupID hostGroupID type osType
    creationData.sourceResourceId workloadRuntime windowsProfile.disableOutboundNat
    gatewayProfile.publicIPPrefixSize messageOfTheDay
    """,
    CLUSTER: """
    dnsPrefix fqdnSubdomain nodeResourceGroup networkProfile.networkPlugin networkProfile.networkMode
    networkProfile.serviceCidr networkProfile.dnsServiceIP networkProfile.loadBalancerSku
    apiServerAccessProfile.privateDNSZone enableRBAC linuxProfile.adminUsername diskEncryptionSetID
    """,
}
"""What replaces a resource by Microsoft's documents, Azure's providers and users' reports. Names are segments
of the ARM id, and a location has a refusal of its own (see test_cloud)."""

CASE_INSENSITIVE = ("vmSize", "vnetSubnetID", "dnsPrefix")


def exposed(row: Immutable) -> bool:
    """Whether the installed SDK has an argument of that path."""
    shape = shape_of(row.type)
    declared = shape.inputs
    for step in row.property.split("."):
        if step not in declared:
            return False
        objects = declared[step].shape.objects
        declared = shape.objects[objects[0]] if objects else {}
    return True


def rows(*, through_sdk: bool = True) -> list[Immutable]:
    return [row for row in immutables() if exposed(row) is through_sdk]


def with_value(row: Immutable, value: Any) -> Inputs:
    inputs = deepcopy({**(GPU_POOL if row.type == POOL else CLUSTER_INPUTS), **BESIDE.get(row.property, {})})
    wire.put(inputs, row.property, value)
    return inputs


def name(row: Immutable) -> str:
    return f"{row.type.rpartition(':')[2]}.{row.property}"


@pytest.fixture
def parent(engine: Engine, group: Made, request: pytest.FixtureRequest) -> None:
    """What a row's resource needs: a pool a cluster, a cluster a group."""
    if request.node.callspec.params["row"].type == POOL:
        engine.create(CLUSTER, "aks", CLUSTER_INPUTS)


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize("row", rows(), ids=name)
def test_a_property_that_arm_fixes_at_creation_cannot_change(engine: Engine, row: Immutable) -> None:
    before, after = VALUES[row.property]
    made = engine.create(row.type, "gpu", with_value(row, before))

    with pytest.raises(RefusedError) as refused:
        engine.update(made, with_value(row, after))

    expected = refusals()[row.refusal]
    message = expected.message.format(target=row.target)
    assert str(refused.value) == f'Status=400 Code="{expected.code}" Message="{message}"'


@pytest.mark.parametrize("row", rows(through_sdk=False), ids=name)
def test_a_property_that_the_sdk_does_not_have_yet_cannot_change_either(
    engine: Engine, cluster: Made, row: Immutable
) -> None:
    before, after = (with_value(row, value) for value in VALUES[row.property])
    path = f"{cluster.id}/agentPools/gpu"
    with engine.store() as store:
        cloud = Cloud(store)
        cloud.put(kind(row.type), path, before)

        cloud.put(kind(row.type), path, {**before, "tags": {"team": "ml"}})
        with pytest.raises(ArmError, match=f"Changing property '{row.target}' is not allowed"):
            cloud.put(kind(row.type), path, after)


@pytest.mark.parametrize("token", [POOL, CLUSTER])
def test_every_property_that_is_fixed_at_creation_has_a_row(token: str) -> None:
    known = {row.property for row in immutables() if row.type == token}

    assert known >= set(FIXED_AT_CREATION[token].split())
    assert VALUES.keys() >= known


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize("row", rows(), ids=name)
def test_the_same_value_sent_again_is_no_change(engine: Engine, row: Immutable) -> None:
    before, _ = VALUES[row.property]
    made = engine.create(row.type, "gpu", with_value(row, before))

    updated = engine.update(made, {**with_value(row, before), "tags": {"team": "ml"}})

    assert updated.outputs["tags"] == {"team": "ml"}


@pytest.mark.parametrize("property", CASE_INSENSITIVE)
def test_another_case_is_no_change(engine: Engine, cluster: Made, property: str) -> None:  # noqa: A002
    inputs, token = (CLUSTER_INPUTS, CLUSTER) if property == "dnsPrefix" else (GPU_POOL, POOL)
    value = VALUES[property][0]
    made = cluster if token == CLUSTER else engine.create(POOL, "gpu", {**inputs, property: value})

    engine.update(made, {**inputs, property: value.upper()})


def test_zones_in_another_order_are_no_change(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "gpu", {**GPU_POOL, "availabilityZones": ["1", "2"]})

    engine.update(made, {"availabilityZones": ["2", "1"]})


@pytest.mark.parametrize("property", ["osDiskSizeGB", "gpuInstanceProfile", "osDiskType"])
def test_a_fixed_property_left_out_keeps_its_value(engine: Engine, pool: Made, property: str) -> None:  # noqa: A002
    updated = engine.update(pool, {property: None, "tags": {"a": "b"}})

    assert updated.outputs[property] == pool.outputs[property]


def test_a_custom_kubelet_left_out_is_refused(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "gpu", {**GPU_POOL, "kubeletConfig": KUBELETS[0]})

    with pytest.raises(RefusedError, match="CustomKubeletConfigOrCustomLinuxOSConfigCanNotBeChanged"):
        engine.update(made, {"kubeletConfig": None})


def test_a_default_named_later_is_no_change_and_another_value_is(engine: Engine, pool: Made) -> None:
    engine.update(pool, {"maxPods": 250, "scaleSetPriority": "Regular", "enableNodePublicIP": False})

    with pytest.raises(RefusedError, match=r"properties\.maxPods"):
        engine.update(pool, {"maxPods": 110})


def test_an_inline_pool_is_refused_in_the_clusters_words(engine: Engine, cluster: Made) -> None:
    pools = [{**CLUSTER_INPUTS["agentPoolProfiles"][0], "vmSize": "Standard_D8ds_v5"}]

    with pytest.raises(RefusedError, match=r"Changing property 'agentPoolProfile\.vmSize' is not allowed\."):
        engine.update(cluster, {"agentPoolProfiles": pools})


def set_at(path: str, value: str) -> Inputs:
    plain: Any = {"true": True, "false": False}.get(value, value)
    inputs = deepcopy(CLUSTER_INPUTS)
    if path == "networkProfile.networkPluginMode":
        del inputs["networkProfile"]["networkPluginMode"]
    if plain != "":
        wire.put(inputs, path, plain)
    return inputs


def steps() -> list[tuple[str, str, str]]:
    """Allowed changes; an absent value that the service fills in cannot be a start."""
    pairs = [(path, *pair) for path, allowed in transitions().items() for pair in sorted(allowed)]
    filled = {"networkProfile.networkPolicy", "oidcIssuerProfile.enabled"}
    return [(path, old, new) for path, old, new in pairs if old or path not in filled]


@pytest.mark.parametrize(("path", "old", "new"), steps())
def test_an_allowed_step_goes_one_way(engine: Engine, group: Made, path: str, old: str, new: str) -> None:
    made = engine.create(CLUSTER, "aks", set_at(path, old))

    made = engine.update(made, set_at(path, new))

    assert str(wire.get(made.outputs, path)).lower() == new.lower()
    if old and (new, old) not in transitions()[path]:
        with pytest.raises(RefusedError, match=r"PropertyChangeNotAllowed|OIDCIssuerCannotBeDisabled"):
            engine.update(made, set_at(path, old))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("networkProfile.networkDataplane", "cilium", "azure"),
        ("networkProfile.networkPolicy", "cilium", "calico"),
        ("networkProfile.outboundType", "userDefinedRouting", "managedNATGateway"),
        ("networkProfile.outboundType", "managedNATGateway", "loadBalancer"),
    ],
)
def test_a_step_that_the_table_lacks_is_refused(
    engine: Engine, group: Made, path: str, old: str, new: str
) -> None:
    made = engine.create(CLUSTER, "aks", set_at(path, old))

    with pytest.raises(RefusedError, match=f"Changing property '{path}' is not allowed"):
        engine.update(made, set_at(path, new))


@pytest.mark.parametrize(("wider", "allowed"), [("10.240.0.0/12", True), ("10.244.0.0/17", False)])
def test_an_overlays_pod_range_only_grows(engine: Engine, cluster: Made, wider: str, allowed: bool) -> None:
    changed = set_at("networkProfile.podCidr", wider)

    if allowed:
        assert engine.update(cluster, changed).outputs["networkProfile"]["podCidr"] == wider
    else:
        with pytest.raises(RefusedError, match=r"networkProfile\.podCidr"):
            engine.update(cluster, changed)


@pytest.mark.parametrize("integrated", [True, False])
def test_a_cluster_turns_private_only_with_its_api_server_in_the_network(
    engine: Engine, group: Made, integrated: bool
) -> None:
    access = {"enableVnetIntegration": integrated, "enablePrivateCluster": False}
    made = engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, "apiServerAccessProfile": access})
    private = {"apiServerAccessProfile": {**access, "enablePrivateCluster": True}}

    if integrated:
        assert engine.update(made, private).outputs["privateFQDN"]
    else:
        with pytest.raises(RefusedError, match=r"apiServerAccessProfile\.enablePrivateCluster"):
            engine.update(made, private)
