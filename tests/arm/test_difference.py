from typing import Any

import pytest
from pulumi.runtime import proto

from localcloud.arm.difference import difference
from localcloud.arm.kinds import kind, kinds
from localcloud.arm.wire import UNKNOWN
from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, GROUP, POOL, Engine, Inputs, Made

AZURE = "azure-native"


def leaves(token: str, old: Inputs, new: Inputs) -> dict[str, str]:
    found = difference(kind(token), {}, old, new).leaves.items()
    return {path: leaf.change + (" replaces" if leaf.replaces else "") for path, leaf in found}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": "update"}),
        ({"a": 1}, {}, {"a": "delete"}),
        ({}, {"a": 1}, {"a": "add"}),
        ({"a": {"b": {"c": 1, "d": 1}}}, {"a": {"b": {"c": 2, "d": 1}}}, {"a.b.c": "update"}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 1}}, {"a.c": "add"}),
        ({"a": {"b": 1}}, {"a": {}}, {"a.b": "delete"}),
        ({"a": [1, 2, 3]}, {"a": [1, 9]}, {"a[1]": "update", "a[2]": "delete"}),
        ({"a": [1]}, {"a": [1, 2]}, {"a[1]": "add"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, {"a[0].b": "update"}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": "update"}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": "update"}),
        ({"__createBeforeDelete": True}, {}, {}),
        ({"location": "West Europe"}, {"location": "westeurope"}, {}),
    ],
)
def test_differences_are_told_by_leaf_path(old: Inputs, new: Inputs, expected: dict[str, str]) -> None:
    assert leaves("azure-native:network:NetworkSecurityGroup", old, new) == expected


FORCE_NEW = {
    "containerservice:AgentPool": {
        "resourceGroupName", "resourceName", "agentPoolName",
        "gpuInstanceProfile", "vmSize", "networkProfile.nodePublicIPTags",
    },
    "containerservice:ManagedCluster": {
        "resourceGroupName", "resourceName",
        "diskEncryptionSetID", "dnsPrefix", "fqdnSubdomain", "linuxProfile", "location",
        "nodeResourceGroup", "windowsProfile",
        "networkProfile.serviceCidr", "networkProfile.serviceCidrs", "networkProfile.dnsServiceIP",
        "networkProfile.networkMode", "networkProfile.networkPlugin", "networkProfile.networkPluginMode",
        "networkProfile.podCidr", "networkProfile.networkDataplane", "networkProfile.networkPolicy",
        "networkProfile.outboundType",
    },
    "authorization:RoleAssignment": {"scope", "roleAssignmentName", "principalId"},
    "storage:StorageAccount": {"resourceGroupName", "accountName", "isHnsEnabled", "location"},
    "network:VirtualNetwork": {"resourceGroupName", "virtualNetworkName", "location"},
    "resources:ResourceGroup": {"resourceGroupName", "location"},
    "network:PrivateEndpoint": {"resourceGroupName", "privateEndpointName", "subnet"},
    "network:PublicIPAddress": {
        "resourceGroupName", "publicIpAddressName",
        "location", "sku", "publicIPAddressVersion", "publicIPPrefix",
    },
}  # fmt: skip
"""What replaces, as azure-native has it; every other type only by its path parameters."""


@pytest.mark.parametrize("token", kinds())
def test_exactly_the_force_new_properties_replace(token: str) -> None:
    row = kind(token)

    assert row.replacing == FORCE_NEW.get(token.removeprefix(f"{AZURE}:"), set(row.parameters))


@pytest.mark.parametrize(
    ("token", "path"),
    [(f"{AZURE}:{token}", path) for token, paths in FORCE_NEW.items() for path in sorted(paths)],
)
def test_a_force_new_property_replaces_whether_it_changes_comes_or_goes(token: str, path: str) -> None:
    def at(value: str) -> Inputs:
        head, _, rest = path.partition(".")
        return {head: {rest: value} if rest else value}

    none = {path.partition(".")[0]: {}} if "." in path else {}
    assert leaves(token, at("one"), at("two")) == {path: "update replaces"}
    assert leaves(token, none, at("two")) == {path: "add replaces"}
    assert leaves(token, at("one"), none) == {path: "delete replaces"}


@pytest.mark.parametrize(
    "path",
    [
        "osDiskSizeGB",
        "osDiskType",
        "availabilityZones",
        "maxPods",
        "vnetSubnetID",
        "scaleSetPriority",
        "gpuProfile",
    ],
)
def test_what_only_arm_refuses_previews_as_an_update_in_place(path: str) -> None:
    assert leaves(POOL, {path: 1}, {path: 2}) == {path: "update"}


def test_what_lies_inside_a_force_new_object_replaces() -> None:
    old, new = ({"subnet": {"id": value}} for value in "ab")

    assert leaves("azure-native:network:PrivateEndpoint", old, new) == {"subnet.id": "update replaces"}


def test_an_inline_pools_size_does_not_replace_the_cluster() -> None:
    old, new = ({"agentPoolProfiles": [{"name": "s", "vmSize": size}]} for size in "ab")

    assert leaves(CLUSTER, old, new) == {"agentPoolProfiles[0].vmSize": "update"}


def test_a_value_that_the_service_had_chosen_already_does_not_replace() -> None:
    found = difference(kind(CLUSTER), {"nodeResourceGroup": "MC_x"}, {}, {"nodeResourceGroup": "MC_x"})
    other = difference(kind(CLUSTER), {"nodeResourceGroup": "MC_x"}, {}, {"nodeResourceGroup": "mine"})

    assert (found.replacing, other.replacing) == ([], ["nodeResourceGroup"])


def test_a_named_resource_is_deleted_before_it_is_replaced_and_a_randomly_named_one_is_not() -> None:
    old, new = {"dnsPrefix": "a"}, {"dnsPrefix": "b"}
    random = {"__createBeforeDelete": True}

    assert difference(kind(CLUSTER), {}, old, new).delete_before_replace
    assert not difference(kind(CLUSTER), {}, {**old, **random}, {**new, **random}).delete_before_replace


def test_an_update_in_place_deletes_nothing() -> None:
    assert not difference(kind(POOL), {}, {"count": 1}, {"count": 2}).delete_before_replace


def test_the_engine_is_told_kinds_and_replacements(engine: Engine, pool: Made) -> None:
    changes = {"gpuInstanceProfile": "MIG1g", "maxCount": 5, "tags": {"team": "ml"}, "osDiskSizeGB": None}
    found: Any = engine.diff(pool, changes)
    names = {path: proto.PropertyDiff.Kind.Name(leaf.kind) for path, leaf in found.detailedDiff.items()}

    assert names == {
        "gpuInstanceProfile": "UPDATE_REPLACE",
        "maxCount": "UPDATE",
        "tags": "ADD",
        "osDiskSizeGB": "DELETE",
    }
    assert found.changes == proto.DiffResponse.DIFF_SOME
    assert list(found.replaces) == ["gpuInstanceProfile"]
    assert found.deleteBeforeReplace
    assert set(found.diffs) == set(changes)


def test_unchanged_inputs_show_no_difference_whatever_the_service_added(
    engine: Engine, cluster: Made
) -> None:
    spot = engine.create(POOL, "spot", {**GPU_POOL, "agentPoolName": "spot", "scaleSetPriority": "Spot"})
    labels = spot.outputs["nodeLabels"]

    assert labels["kubernetes.azure.com/scalesetpriority"] == "spot"
    for made in (cluster, spot):
        found = engine.diff(made, {})
        assert (found.changes, len(found.detailedDiff)) == (proto.DiffResponse.DIFF_NONE, 0)


def test_a_resource_read_without_an_api_version_gains_one_in_silence(engine: Engine, pool: Made) -> None:
    imported = engine.read(POOL, pool.id)

    assert imported is not None
    assert "azureApiVersion" not in imported.inputs
    assert not engine.diff(imported, {}).detailedDiff


def test_groups_show_a_moved_location(engine: Engine) -> None:
    made = engine.create(GROUP, "rg", {})

    assert list(engine.diff(made, {"location": "uksouth"}).replaces) == ["location"]
    assert not engine.diff(made, {"location": "West Europe"}).detailedDiff


def test_clusters_compare_by_leaf_within_the_network_profile(engine: Engine, cluster: Made) -> None:
    network = {**CLUSTER_INPUTS["networkProfile"], "advancedNetworking": {"enabled": True}}

    assert list(engine.diff(cluster, {"networkProfile": network}).replaces) == []
