"""Who reaches a cluster, and over which way: a private one in full, and what a change of it means."""

import asyncio
import base64
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import Deployment
from rich.console import Console

from components.cluster_access import Grant, NotAllowedError, until_allowed
from components.kubeconfig import prepared
from localcloud import cluster
from localcloud.arm.entra import DELAY
from localcloud.arm.immutability import immutables
from localcloud.arm.invokes import Invocation, invoke
from localcloud.arm.refusal import ArmError
from localcloud.arm.request import SUBSCRIPTION_ID
from localcloud.arm.store import Store, Stored
from localcloud.recovery import Backend
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import changed, passed, stack, steps

pytestmark = pytest.mark.e2e

AKS = "azure-native:containerservice"
CLUSTER = "azure-native:containerservice:ManagedCluster"
POOL = "azure-native:containerservice:AgentPool"
PEERING = "azure-native:network:VirtualNetworkPeering"
ROLE = "azure-native:authorization:RoleAssignment"
SERVICE = "kubernetes:ray.io/v1:RayService"

BUILDERS = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/builders"
NETWORK = f"{BUILDERS}/providers/Microsoft.Network/virtualNetworks/runners"
RESERVATIONS = f"{BUILDERS}/providers/Microsoft.Compute/capacityReservationGroups/h100"
SOMEBODY = "11111111-2222-3333-4444-555555555555"
MIRROR = "acme.azurecr.io/mirror"


def private(environment: dict[str, Any]) -> None:
    """A private cluster, deployed to from a peered network, with everything from a mirror."""
    environment["zones"] = ["1", "2", "3"]
    environment["access"] = {
        "private": True,
        "admin_groups": [SOMEBODY],
        "deployer": {
            "object_id": SOMEBODY,
            "kind": "User",
            "route": "peering",
            "network": NETWORK,
            "network_range": "10.99.0.0/16",
        },
    }
    environment["cluster"] |= {"upgrade_channel": "patch", "node_os_channel": "SecurityPatch"}
    environment["images"] = {"registry": MIRROR}
    environment["telemetry"] = {"retention_days": 90, "diagnostics": ["guard", "kube-audit"]}
    environment["capacity_reservations"] = [
        {"group": RESERVATIONS, "sku": "Standard_NC40ads_H100_v5", "nodes": 1}
    ]


def made_by(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """New states of a `--json` preview."""
    return [step["newState"] for step in json.loads(run.stdout)["steps"] if "newState" in step]


def inputs(run: subprocess.CompletedProcess[str], token: str) -> list[dict[str, Any]]:
    return [state["inputs"] for state in made_by(run) if state["type"] == token]


def images(value: Any) -> Iterator[str]:
    """Every image that a manifest or the values of a chart name."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "image":
                yield item if isinstance(item, str) else f"{item['repository']}:{item['tag']}"
            else:
                yield from images(item)
    elif isinstance(value, list):
        for item in value:
            yield from images(item)


@pytest.mark.parametrize(
    ("access", "profile", "entra"),
    [
        pytest.param(
            {"authorized_ranges": ["203.0.113.0/24"]},
            {"authorizedIPRanges": ["203.0.113.0/24"]},
            False,
            id="public",
        ),
        pytest.param(
            {"private": True, "deployer": {"route": "inside"}},
            {
                "enablePrivateCluster": True,
                "enablePrivateClusterPublicFQDN": False,
                "enableVnetIntegration": True,
                "privateDNSZone": "system",
            },
            False,
            id="inside",
        ),
        pytest.param(
            {
                "private": True,
                "deployer": {"route": "proxy", "proxy": "socks5://localhost:1080", "object_id": SOMEBODY},
            },
            {"enablePrivateCluster": True},
            True,
            id="proxy",
        ),
    ],
)
def test_a_way_in_previews_as_the_access_that_it_needs(
    access: dict[str, Any], profile: dict[str, Any], entra: bool, toolchain: Toolchain, tmp_path: Any
) -> None:
    asked = stack(tmp_path, toolchain, lambda environment: environment.update(access=access))
    run = passed(asked.preview("--json", capture=True))
    (made,) = inputs(run, CLUSTER)
    assert profile.items() <= made["apiServerAccessProfile"].items()
    assert ("aadProfile" in made) is entra
    subnets = {subnet["subnetName"] for subnet in inputs(run, "azure-native:network:Subnet")}
    assert ("api-server" in subnets) is access.get("private", False)
    assert not inputs(run, PEERING)


class Running:
    """dev with a private API server, up."""

    def __init__(self, deployed: Stack, told: str) -> None:
        self.stack, self.told = deployed, told

    def kubeconfig(self) -> dict[str, Any]:
        """What AKS answers whoever deploys."""
        (made,) = self.all(CLUSTER)
        with Store(self.stack.state / "arm.db") as store:
            call = Invocation(
                {"resourceGroupName": made.id.split("/")[4], "resourceName": made.name},
                store,
                SUBSCRIPTION_ID,
                self.stack.state,
            )
            (found,) = invoke(f"{AKS}:listManagedClusterUserCredentials", call)["kubeconfigs"]
            with pytest.raises(ArmError, match="Getting static credential isn't allowed"):
                invoke(f"{AKS}:listManagedClusterAdminCredentials", call)
        return json.loads(base64.b64decode(found["value"]))

    def all(self, token: str) -> list[Stored]:
        with Store(self.stack.state / "arm.db") as store:
            return store.all(token)

    def state(self) -> list[dict[str, Any]]:
        """What Pulumi holds of every resource."""
        backend = Backend(self.stack.state / "pulumi", self.stack.environment)
        return backend.deployment()["resources"]


@pytest.fixture(scope="module")
def running(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    deployed = stack(tmp_path_factory.mktemp("access"), toolchain, private)
    cluster.start(deployed.state, toolchain, console=Console(stderr=True))
    try:
        deployed.prepare()
        with Store(deployed.state / "arm.db") as store:
            store.set(DELAY, "10")
        yield Running(deployed, passed(deployed.up(capture=True)).stdout)
    finally:
        cluster.stop(deployed.state)


def test_both_networks_lead_to_each_other_and_the_name_resolves_in_theirs(running: Running) -> None:
    peerings = running.all(PEERING)
    assert [peering.properties["peeringState"] for peering in peerings] == ["Connected", "Connected"]
    assert {peering.id.startswith(BUILDERS) for peering in peerings} == {True, False}
    (link,) = running.all("azure-native:privatedns:VirtualNetworkLink")
    (made,) = running.all(CLUSTER)
    assert link.properties["virtualNetwork"]["id"] == NETWORK
    assert link.id.split("/")[8] == made.properties["privateFQDN"].partition(".")[2]


def test_the_api_server_lies_in_a_subnet_given_over_to_aks(running: Running) -> None:
    (made,) = running.all(CLUSTER)
    subnets = {subnet.id: subnet for subnet in running.all("azure-native:network:Subnet")}
    lying = subnets[made.properties["apiServerAccessProfile"]["subnetId"]]
    assert lying.name == "api-server"
    assert [given["serviceName"] for given in lying.properties["delegations"]] == [
        "Microsoft.ContainerService/managedClusters"
    ]


def test_who_deploys_may_administer_the_cluster(running: Running) -> None:
    (made,) = running.all(CLUSTER)
    (grant,) = [role for role in running.all(ROLE) if role.properties["principalId"] == SOMEBODY]
    assert grant.properties["scope"].lower() == made.id.lower()
    assert grant.properties["principalType"] == "User"
    assert made.properties["aadProfile"]["adminGroupObjectIDs"] == [SOMEBODY]


def test_up_waits_until_the_role_holds_and_says_so(running: Running) -> None:
    assert (
        f"waiting until the role Azure Kubernetes Service RBAC Cluster Admin of {SOMEBODY} on "
        in running.told
    )


def test_a_new_role_does_not_hold_at_once_and_who_waits_gets_in(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", running.stack.variables()["PATH"])
    given = running.kubeconfig()
    environment = given["users"][0]["user"]["exec"]["env"]
    (moment,) = [each for each in environment if each["name"] == "LOCALCLOUD_ALLOWED_FROM"]
    moment["value"] = str(int(time.time()) + 4)
    mine = prepared(json.dumps(given), "azurecli", None)
    grant = Grant("Admin", SOMEBODY, "/the/cluster")
    # Without the wait, the first call of a run:
    with pytest.raises(NotAllowedError, match=f"the role Admin of {SOMEBODY} on /the/cluster does not hold"):
        asyncio.run(until_allowed(mine, grant, patience_s=0))
    assert asyncio.run(until_allowed(mine, grant, patience_s=60)) == mine


def test_without_kubelogin_the_wait_says_what_is_missing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    mine = prepared(json.dumps(running.kubeconfig()), "azurecli", None)
    with pytest.raises(NotAllowedError, match="kubelogin is not on the path"):
        asyncio.run(until_allowed(mine, Grant("Admin", SOMEBODY, "/the/cluster")))


def test_upkeep_zones_and_logs_are_as_asked(running: Running) -> None:
    (made,) = running.all(CLUSTER)
    assert made.properties["autoUpgradeProfile"] == {
        "upgradeChannel": "patch",
        "nodeOSUpgradeChannel": "SecurityPatch",
    }
    assert [pool.properties["availabilityZones"] for pool in running.all(POOL)] == [["1", "2", "3"]] * 3
    (workspace,) = running.all("azure-native:operationalinsights:Workspace")
    assert workspace.properties["retentionInDays"] == 90
    settings = {setting.name: setting for setting in running.all("azure-native:monitor:DiagnosticSetting")}
    setting = settings["control-plane"]
    assert {log["category"] for log in setting.properties["logs"]} == {"guard", "kube-audit"}


def test_a_reserved_pool_names_its_group_and_the_cluster_may_take_from_it(running: Running) -> None:
    (pool,) = [pool for pool in running.all(POOL) if "capacityReservationGroupID" in pool.properties]
    assert pool.properties["capacityReservationGroupID"] == RESERVATIONS
    grants = [role for role in running.all(ROLE) if role.properties["scope"].lower() == BUILDERS.lower()]
    assert len(grants) == 1


def test_every_image_comes_from_the_mirror(running: Running) -> None:
    found = [image for resource in running.state() for image in images(resource.get("inputs", {}))]
    assert len(found) >= 4
    assert [image for image in found if not image.startswith(f"{MIRROR}/")] == []
    client = Client(KubeConfig.from_file(running.stack.state / "kubeconfig"), trust_env=False)
    operator = client.get(Deployment, "kuberay-operator", namespace="kuberay-system")
    assert [image for image in images(operator.to_dict()) if not image.startswith(f"{MIRROR}/")] == []


def test_what_is_immutable_and_sent_replaces_the_pool(running: Running) -> None:
    fixed = {row.property for row in immutables() if row.type == POOL}
    for resource in running.state():
        if resource["type"] == POOL:
            sent = {path for path in fixed if _has(resource["inputs"], path)}
            assert sent <= set(resource["replaceOnChanges"]), resource["urn"]


def _has(value: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def test_a_second_up_changes_nothing_even_after_a_refresh(running: Running) -> None:
    passed(running.stack.up("--expect-no-changes", capture=True))
    passed(running.stack.refresh(capture=True))
    passed(running.stack.up("--expect-no-changes", capture=True))


def test_another_pool_and_another_model_leave_the_services_that_run_alone(running: Running) -> None:
    def more(environment: dict[str, Any]) -> None:
        private(environment)
        environment["pools"].append({"name": "more", "sku": "Standard_NC40ads_H100_v5", "nodes": {"max": 1}})
        environment["models"].append(
            {
                "name": "another",
                "source": "Qwen/Qwen2.5-7B-Instruct",
                "context_tokens": 8192,
                "replicas": {"max": 1},
                "placement": {"pool": "more"},
            }
        )

    run = passed(changed(running.stack, more).preview("--json", capture=True))
    # What stays the same is not among the steps.
    operations = {urn.rpartition("::")[2]: op for urn, op in steps(run).items() if f"{SERVICE}::" in urn}
    assert operations == {"another-service": "create"}


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("system", {"cluster": {"system": {"sku": "Standard_D8ds_v5", "nodes": {"min": 1, "max": 3}}}}),
        ("public", {"access": {}}),
    ],
)
def test_what_aks_never_changes_previews_as_another_cluster_and_works(
    what: str, change: dict[str, Any], running: Running
) -> None:
    def asked(environment: dict[str, Any]) -> None:
        private(environment)
        for key, value in change.items():
            environment[key] = value if not value else {**environment[key], **value}

    before = running.all(CLUSTER)
    wanted = changed(running.stack, asked)
    operations = {
        op
        for urn, op in steps(passed(wanted.preview("--json", capture=True))).items()
        if f"{CLUSTER}::" in urn
    }
    assert operations & {"replace", "create-replacement"}, what
    passed(wanted.up(capture=True))
    (after,) = running.all(CLUSTER)
    assert after.name != before[0].name
    passed(wanted.up("--expect-no-changes", capture=True))


def test_destroy_leaves_their_network_and_nothing_of_ours(running: Running) -> None:
    passed(running.stack.destroy(capture=True))
    assert [group.id for group in running.all("azure-native:resources:ResourceGroup")] == [BUILDERS]
    assert [network.id for network in running.all("azure-native:network:VirtualNetwork")] == [NETWORK]
    assert running.all(PEERING) == []
