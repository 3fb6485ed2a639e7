"""Every property that ARM fixes at creation and our pools offer: preview says replace, and up works."""

from typing import Any, NamedTuple

import pytest

from components.agent_pool import IMMUTABLE
from localcloud.arm import wire
from localcloud.arm.cloud import Cloud
from localcloud.arm.kinds import kind
from localcloud.arm.store import Stored
from tests.arm.engine import GROUP, POOL
from tests.arm.project import Project, made_in

pytestmark = pytest.mark.e2e

HERE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shared"
NETWORK = f"{HERE}/providers/Microsoft.Network/virtualNetworks/net"
RESERVED = f"{HERE}/providers/Microsoft.Compute/capacityReservationGroups"
SPOT = {"scale_set_priority": "Spot", "scale_set_eviction_policy": "Delete"}
H100 = {"vm_size": "Standard_NC40ads_H100_v5"}

CHANGES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "availability_zones": (["1"], ["1", "2"], {}),
    "capacity_reservation_group_id": (f"{RESERVED}/one", f"{RESERVED}/two", {}),
    "gpu_instance_profile": ("MIG1g", "MIG2g", H100),
    "gpu_profile": ({"driver": "Install"}, {"driver": "None"}, H100),
    "max_pods": (50, 60, {}),
    "os_disk_size_gb": (128, 256, {}),
    "os_disk_type": ("Managed", "Ephemeral", {}),
    "os_type": ("Linux", "Windows", {}),
    "scale_set_eviction_policy": ("Delete", "Deallocate", SPOT),
    "scale_set_priority": ("Regular", "Spot", {}),
    "spot_max_price": (-1, 2.5, SPOT),
    "type": ("VirtualMachineScaleSets", "VirtualMachines", {}),
    "vm_size": ("Standard_D4ds_v5", "Standard_D8ds_v5", {}),
    "vnet_subnet_id": (f"{NETWORK}/subnets/one", f"{NETWORK}/subnets/two", {}),
}
"""Of each property: the value at creation, another one, and what must stand beside it."""

PROGRAM = f"""
import pulumi
import pulumi_azure_native as azure
from components.agent_pool import agent_pool

changes = {CHANGES!r}
changed = pulumi.Config().get_bool("changed")
group = azure.resources.ResourceGroup("rg")
cluster = azure.containerservice.ManagedCluster("aks", resource_group_name=group.name, dns_prefix="aks",
    identity={{"type": "SystemAssigned"}},
    network_profile={{"network_plugin": "azure", "network_plugin_mode": "overlay"}},
    agent_pool_profiles=[{{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ds_v5"}}],
    opts=pulumi.ResourceOptions(ignore_changes=["agentPoolProfiles"]))
for number, (name, (before, after, beside)) in enumerate(changes.items()):
    agent_pool("abcdefghijklmnopqrstuvwxyz"[number], parent=cluster, resource_name=name,
        resource_group_name=group.name, cluster_name=cluster.name, min_count=0, max_count=2,
        **{{"vm_size": "Standard_D4ds_v5", **beside, name: after if changed else before}})
"""


class Replaced(NamedTuple):
    """What the engine and ARM say of the change of every property at once."""

    steps: list[dict[str, Any]]
    """Of the preview."""
    before: dict[str, Stored]
    """Pools by the first letter of their name."""
    after: dict[str, Stored]


def pools(project: Project) -> dict[str, Stored]:
    with project.store() as store:
        return {pool.name[0]: pool for pool in store.all(POOL) if pool.name != "system"}


def furnish(project: Project) -> None:
    """What the pools refer to."""
    here = {"location": "westeurope"}
    subnets = [
        {"name": name, "addressPrefix": f"10.1.{number}.0/24"} for number, name in enumerate(("one", "two"))
    ]
    with project.store() as store:
        cloud = Cloud(store)
        cloud.put(kind(GROUP), HERE, here)
        space = {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": subnets}
        cloud.put(kind("azure-native:network:VirtualNetwork"), NETWORK, {**here, **space})
        for name in ("one", "two"):
            cloud.put(kind("azure-native:compute:CapacityReservationGroup"), f"{RESERVED}/{name}", here)


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> Replaced:
    project = made_in(tmp_path_factory.mktemp("replacement") / "project", PROGRAM)
    furnish(project)
    done = project.up()
    assert done.returncode == 0, done.stdout + done.stderr
    before = pools(project)
    project.configure(changed="true")
    steps = project.steps("preview")
    done = project.up()
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.changes("preview") == {}
    return Replaced(steps, before, pools(project))


def test_every_property_that_our_pools_offer_is_tried() -> None:
    assert CHANGES.keys() == IMMUTABLE.keys()


@pytest.mark.parametrize("name", sorted(IMMUTABLE))
def test_preview_says_replace_and_up_works(replaced: Replaced, name: str) -> None:
    [step] = [
        step for step in replaced.steps if step["urn"].endswith(f"::{name}") and step["op"] == "replace"
    ]
    kinds = {kind["kind"] for path, kind in step["detailedDiff"].items() if path.startswith(IMMUTABLE[name])}
    assert kinds
    assert {kind.partition("-")[2] for kind in kinds} == {"replace"}

    letter = "abcdefghijklmnopqrstuvwxyz"[list(CHANGES).index(name)]
    old, new = replaced.before[letter], replaced.after[letter]
    before, after, _ = CHANGES[name]
    path = IMMUTABLE[name].partition(".")[0]
    assert wire.get(old.properties, path) == before
    assert wire.get(new.properties, path) == after
    assert new.name != old.name
