"""What an environment says is there already is there, in a cluster of its own."""

import base64
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.spec import Environment
from localcloud.arm.capacity import room
from localcloud.arm.control_planes import existing_home, home
from localcloud.arm.invokes import KUBECONFIG, Invocation, invoke
from localcloud.arm.store import Store
from localcloud.cluster.layout import Layout
from localcloud.cluster.pool import Inventory, read_inventory
from localcloud.existing import seed
from localcloud.toolchain import Tool
from localcloud.toolchain.artefact import escaped
from tests.cluster.live import CLUSTER_ID, fill
from tests.conftest import SMALL

SHARED = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shared"
    "/providers/Microsoft.ContainerService/managedClusters/research"
)
POOL = f"{SHARED}/agentPools/a100"
CREDENTIALS = "azure-native:containerservice:listManagedClusterUserCredentials"
Change = Callable[[dict[str, Any]], None]


class Charts:
    """A toolchain that has made KubeRay's files, much shorter than they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        operator, crds = (folder / "kuberay-charts" / f"kuberay-{part}" for part in ("operator", "crds"))
        for chart in (operator, crds):
            (chart / "templates").mkdir(parents=True)
        (operator / "values.yaml").write_text("image: {repository: kuberay/operator, tag: v1}")
        (operator / "templates" / "manager.yaml").write_text(
            "kind: Deployment\nmetadata: {namespace: '{{ .Release.Namespace }}'}\n"
            "image: '{{ .Values.image.repository }}:{{ .Values.image.tag }}'\n"
        )
        definition = "kind: CustomResourceDefinition\ndescription: such as {{ name }}"
        (crds / "templates" / "rayservices.yaml").write_text(escaped(definition))

    def path(self, tool: Tool) -> Path:
        return self._folder / tool.value


def described(change: Change | None = None) -> Environment:
    asked = copy.deepcopy(SMALL)
    a100 = {
        "name": "old",
        "existing": POOL,
        "sku": "Standard_NC24ads_A100_v4",
        "mig": {"profile": "MIG3g", "strategy": "mixed"},
        "nodes": {"max": 3},
        "taints": ["team=research:NoSchedule"],
    }
    asked["pools"].append(a100)
    if change:
        change(a100)
    return Environment.model_validate(asked)


@pytest.fixture
def charts(tmp_path: Path) -> Charts:
    return Charts(tmp_path / "tools")


@pytest.fixture
def state(tmp_path: Path, charts: Charts) -> Path:
    """The state of a stack whose own cluster is there too, though younger."""
    folder = tmp_path / "state"
    seed(described(), folder, charts)
    with Store(folder / "arm.db") as store:
        fill(store)
    return folder


def stored(state: Path, resource_id: str) -> dict[str, Any]:
    with Store(state / "arm.db") as store:
        found = store.get(resource_id)
    assert found is not None
    return found.properties


def inventory(layout: Layout) -> Inventory:
    with Store(layout.store) as store:
        return read_inventory(store, layout.stands_for)


def test_a_pool_that_exists_is_as_the_environment_says(state: Path) -> None:
    pool = stored(state, POOL)
    assert pool["vmSize"] == "Standard_NC24ads_A100_v4"
    assert pool["gpuInstanceProfile"] == "MIG3g"
    assert pool["nodeTaints"] == ["team=research:NoSchedule"]
    assert (pool["minCount"], pool["maxCount"], pool["count"]) == (0, 3, 0)
    assert stored(state, SHARED)["oidcIssuerProfile"]["enabled"] is True


def test_an_environment_without_existing_pools_makes_nothing(tmp_path: Path, charts: Charts) -> None:
    seed(Environment.model_validate(SMALL), tmp_path / "state", charts)
    with Store(tmp_path / "state" / "arm.db") as store:
        assert store.within("") == []
    assert Layout.existing_in(tmp_path / "state") == []


def test_the_quota_is_that_of_the_environment(state: Path, charts: Charts) -> None:
    granted = {"StandardNCADSA100v4Family": 48}
    for quota, nodes in (({}, 3), (granted, 2), ({}, 3)):
        seed(described().model_copy(update={"quota": quota}), state, charts)
        with Store(state / "arm.db") as store:
            assert room(store, POOL, 3)[0] == nodes


def test_the_network_of_who_deploys_and_reservations_are_there(tmp_path: Path, charts: Charts) -> None:
    group = SHARED.partition("/providers/")[0]
    network = f"{group}/providers/Microsoft.Network/virtualNetworks/runners"
    reservation = f"{group}/providers/Microsoft.Compute/capacityReservationGroups/h100"
    deployer = {"route": "peering", "network": network, "network_range": "10.9.0.0/16"}
    reserved = {"group": reservation, "sku": "Standard_NC40ads_H100_v5", "nodes": 2}
    asked = {
        **copy.deepcopy(SMALL),
        "access": {"private": True, "deployer": deployer},
        "capacity_reservations": [reserved],
    }
    seed(Environment.model_validate(asked), tmp_path, charts)
    assert stored(tmp_path, network)["addressSpace"]["addressPrefixes"] == ["10.9.0.0/16"]
    assert stored(tmp_path, reservation)["location"] == "swedencentral"


def test_what_has_become_of_a_pool_is_left_alone(state: Path, charts: Charts) -> None:
    with Store(state / "arm.db") as store:
        store.change(POOL, count=2, maxCount=7)
    seed(described(), state, charts)
    assert (stored(state, POOL)["count"], stored(state, POOL)["maxCount"]) == (2, 7)


@pytest.mark.parametrize("gone", [POOL, SHARED])
def test_what_somebody_has_deleted_stays_away(gone: str, state: Path, charts: Charts) -> None:
    with Store(state / "arm.db") as store:
        for part in reversed(store.within(gone)):
            store.delete(part.id)
        seed(described(), state, charts)
        assert store.within(gone) == []


def test_a_pool_that_is_described_anew_is_what_is_said_now(state: Path, charts: Charts) -> None:
    seed(described(lambda pool: pool.update(mig={"profile": "MIG2g"})), state, charts)
    assert stored(state, POOL)["gpuInstanceProfile"] == "MIG2g"


def test_each_control_plane_has_the_pools_of_its_own_cluster(state: Path) -> None:
    (existing,) = Layout.existing_in(state)
    assert [pool.name for pool in inventory(existing).pools] == ["system", "a100"]
    assert [pool.name for pool in inventory(Layout(state)).pools] == ["system", "heads", "chat"]
    assert inventory(existing).problems == inventory(Layout(state)).problems == ()


def test_credentials_are_those_of_the_cluster_that_is_asked_for(state: Path) -> None:
    (existing_home(state, SHARED) / KUBECONFIG).write_text("of research")
    (state / KUBECONFIG).write_text("of the stack")

    def credentials(cluster_id: str) -> str:
        _, _, subscription, _, group, *_, name = cluster_id.split("/")
        args = {"resourceGroupName": group, "resourceName": name}
        with Store(state / "arm.db") as store:
            answer = invoke(CREDENTIALS, Invocation(args, store, subscription, state))
        return base64.b64decode(answer["kubeconfigs"][0]["value"]).decode()

    assert credentials(SHARED) == "of research"
    assert credentials(CLUSTER_ID) == "of the stack"


def test_what_arm_would_not_let_exist_is_told(tmp_path: Path, charts: Charts) -> None:
    asked = described(lambda pool: pool.update(nodes={"min": 1, "max": 3}))
    granted = {"StandardNCADSA100v4Family": 0}
    with pytest.raises(SystemExit, match=f"cannot be: {POOL}\n.*quota"):
        seed(asked.model_copy(update={"quota": granted}), tmp_path, charts)


def test_two_clusters_of_one_name_are_two(state: Path) -> None:
    other = SHARED.replace("/shared/", "/elsewhere/")
    assert existing_home(state, other) != existing_home(state, SHARED)
    assert home(state, other) == state
    assert home(state, SHARED.upper()) == existing_home(state, SHARED)


def test_kuberay_and_a_device_plugin_are_there(state: Path) -> None:
    (existing,) = Layout.existing_in(state)
    manifests = [
        manifest
        for file in sorted(existing.manifests.glob("*.yaml"))
        for manifest in yaml.safe_load_all(file.read_text())
    ]
    kinds = [manifest["kind"] for manifest in manifests]
    assert kinds == ["Namespace", "CustomResourceDefinition", "Deployment", "DaemonSet"]
    assert manifests[1]["description"] == "such as {{ name }}"
    assert manifests[2]["image"] == "kuberay/operator:v1"
    assert manifests[2]["metadata"]["namespace"] == manifests[0]["metadata"]["name"]
    (container,) = manifests[3]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "MIG_STRATEGY", "value": "mixed"}]
