import pytest
from lightkube.resources.core_v1 import Node

from localcloud.cluster.node import aks_node, node_index
from localcloud.cluster.observed import observe_node
from localcloud.cluster.pool import Taint
from localcloud.cluster.sizes import UnknownSizeError, mig_slices, vm_size
from tests.cluster.builders import GB200, H100, pool, slice_pool


def labels_of(node: Node) -> dict[str, str]:
    assert node.metadata is not None
    assert node.metadata.labels is not None
    return node.metadata.labels


def test_a_node_is_named_and_labelled_as_aks_does_it() -> None:
    node = aks_node(slice_pool(labels={"team": "chat"}, zones=("1", "2")), 37)
    assert node.metadata is not None
    assert node.metadata.name is not None
    assert node.metadata.name.startswith("aks-chat-")
    assert node.metadata.name.endswith("-vmss000011")
    assert node_index(node.metadata.name) == 37
    labels = labels_of(node)
    assert labels["kubernetes.azure.com/agentpool"] == labels["agentpool"] == "chat"
    assert labels["kubernetes.azure.com/accelerator"] == "nvidia"
    assert labels["kubernetes.azure.com/mode"] == "user"
    assert labels["kubernetes.azure.com/cluster"] == "MC_rg_aks"
    assert labels["node.kubernetes.io/instance-type"] == H100
    assert labels["topology.kubernetes.io/zone"] == "eastus2-2"
    assert labels["team"] == "chat"


def test_the_pools_of_a_cluster_share_their_digits() -> None:
    names = [aks_node(of, 0).metadata.name for of in (pool("heads"), pool("chat"))]  # type: ignore[union-attr]
    assert names[0].split("-")[2] == names[1].split("-")[2]  # type: ignore[union-attr]


def test_a_pool_without_gpus_has_no_accelerator_label() -> None:
    assert "kubernetes.azure.com/accelerator" not in labels_of(aks_node(pool(), 0))


def test_a_gb200_node_is_arm64() -> None:
    assert labels_of(aks_node(pool("big", GB200), 0))["kubernetes.io/arch"] == "arm64"


def test_aks_keeps_part_of_a_node_back() -> None:
    node = aks_node(pool(size="Standard_D8ds_v5", max_pods=30), 0)
    assert node.status is not None
    assert node.status.capacity is not None
    assert node.status.allocatable is not None
    assert node.status.capacity["cpu"] == "8"
    assert node.status.allocatable["cpu"] == "7820m"
    assert node.status.capacity["memory"] == "32Gi"
    # 20 MB × 30 pods + 50 MB, and 100 MiB for eviction.
    assert node.status.allocatable["memory"] == f"{int(32 * 1024 - 650e6 / 2**20 - 100)}Mi"


def test_taints_of_the_pool_are_on_the_node() -> None:
    node = observe_node(aks_node(pool(taints=(Taint.parse("a=b:NoSchedule"), Taint.parse("c:NoExecute"))), 0))
    assert node is not None
    assert [(one.key, one.value, one.effect) for one in node.machine.taints] == [
        ("a", "b", "NoSchedule"),
        ("c", "", "NoExecute"),
    ]


@pytest.mark.parametrize(
    ("name", "vcpu", "memory_gib", "arch"),
    [
        ("Standard_D4ads_v6", 4, 16, "amd64"),
        ("Standard_D8pds_v6", 8, 32, "arm64"),
        ("Standard_D16ls_v6", 16, 32, "amd64"),
        ("Standard_E8as_v5", 8, 64, "amd64"),
        (H100, 40, 320, "amd64"),
    ],
)
def test_a_size_is_known_by_the_catalog_or_its_name(name: str, vcpu: int, memory_gib: int, arch: str) -> None:
    size = vm_size(name)
    assert (size.vcpu, size.memory_gib, size.arch) == (vcpu, memory_gib, arch)


def test_an_unknown_size_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(UnknownSizeError, match=r"'Standard_NC40ads_H100_v6' is unknown.*NC40ads_H100_v5"):
        vm_size("Standard_NC40ads_H100_v6")


def test_a_mig_profile_that_the_size_has_not_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(UnknownSizeError, match=r"no MIG profile 'MIG5g'; allowed: MIG1g, MIG2g"):
        mig_slices(H100, "MIG5g")
