"""The cluster without the rest of the platform, and a GPU pool on it, as a Python stack asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import PYTHON, passed, project

pytestmark = pytest.mark.e2e

CONTAINERSERVICE = "azure-native:containerservice"
PROGRAM = """
from pulumi_azure_native import managedidentity, network, operationalinsights, resources

from components.cluster import Cluster
from components.gpu_node_pool import GpuNodePool

group = resources.ResourceGroup("group", location="swedencentral")
here = {"resource_group_name": group.name, "location": "swedencentral"}
vnet = network.VirtualNetwork("network", **here, address_space={"address_prefixes": ["10.40.0.0/16"]})
nodes = network.Subnet(
    "nodes",
    resource_group_name=group.name,
    virtual_network_name=vnet.name,
    address_prefix="10.40.0.0/20",
)
control = managedidentity.UserAssignedIdentity("control", **here)
kubelet = managedidentity.UserAssignedIdentity("kubelet", **here)
logs = operationalinsights.Workspace("logs", **here)
theirs = Cluster(
    "theirs",
    {
        "region": "swedencentral",
        "zones": [],
        "resource_group_name": group.name,
        "subnet_id": nodes.id,
        "identity_id": control.id,
        "kubelet_identity": {
            "resource_id": kubelet.id,
            "client_id": kubelet.client_id,
            "object_id": kubelet.principal_id,
        },
        "upkeep": {
            "version": "1.35",
            "channel": "patch",
            "node_os_channel": "NodeImage",
            "support": "KubernetesOfficial",
            "tier": "Standard",
            "window": {"day": "Sunday", "start": "01:00", "hours": 4},
        },
        "pods_range": "10.244.0.0/16",
        "services_range": "10.41.0.0/16",
        "dns_service_ip": "10.41.0.10",
        "system": {"sku": "Standard_D4ds_v5", "min": 1, "max": 3},
        "heads": {"sku": "Standard_D8ds_v5", "min": 0, "max": 2},
        "access": {
            "authorized_ranges": ["203.0.113.0/24"],
            "admin_groups": [],
            "deployer": {"kind": "User", "login": "azurecli"},
        },
        "diagnostics": {"workspace_id": logs.id, "categories": ["kube-audit-admin"]},
        "metrics": False,
        "defender": False,
        "tags": {"owner": "another-team"},
    },
)
GpuNodePool(
    "gpus",
    {
        "resource_group_name": group.name,
        "cluster_name": theirs.name,
        "subnet_id": nodes.id,
        "pool": "gpus",
        "sku": "Standard_NC40ads_H100_v5",
        "mig": {"profile": "MIG2g"},
        "nodes": {"max": 2},
    },
)
"""
"""A network and identities of their own, the cluster in it, and a pool on that."""


@pytest.fixture
def running(toolchain: Toolchain, tmp_path: Path) -> Iterator[Stack]:
    stack = project(tmp_path, toolchain, PYTHON, PROGRAM)
    stack.state.mkdir()
    cluster.start(stack.state, toolchain, console=Console(stderr=True))
    try:
        yield stack
    finally:
        cluster.stop(stack.state)


def test_a_python_stack_makes_a_cluster_and_a_gpu_pool_on_it_and_takes_them_away(running: Stack) -> None:
    passed(running.run("up", "--yes", "--skip-preview", capture=True))
    with Store(running.state / "arm.db") as store:
        (made,) = store.all(f"{CONTAINERSERVICE}:ManagedCluster")
        sizes = {str(pool.properties.get("vmSize")) for pool in store.all(f"{CONTAINERSERVICE}:AgentPool")}
    assert made.properties["kubernetesVersion"] == "1.35"
    assert {"Standard_D8ds_v5", "Standard_NC40ads_H100_v5"} <= sizes
    passed(running.run("preview", "--expect-no-changes", capture=True))
    passed(running.destroy(capture=True))
    with Store(running.state / "arm.db") as store:
        assert not store.all(f"{CONTAINERSERVICE}:ManagedCluster")
