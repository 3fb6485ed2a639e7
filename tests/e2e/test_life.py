"""dev from nothing to pods that a real scheduler places, changed, and gone again."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Node, Pod
from lightkube.types import PatchType
from rich.console import Console

from inference_stack.planner import POOL_LABEL
from localcloud import cluster
from localcloud.arm.store import Store, Stored
from localcloud.cluster.layout import Layout
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.cluster.live import RayCluster, eventually
from tests.e2e.environments import changed, commands_with, passed, stack, steps
from tests.e2e.manifests import ApiServer, deployed, refusals, wrong_to_operator

pytestmark = pytest.mark.e2e

POOL = "azure-native:containerservice:AgentPool"
SPOT = "kubernetes.azure.com/scalesetpriority"


class Running:
    """dev, up."""

    def __init__(self, deployed: Stack) -> None:
        self.stack = deployed
        self.client = Client(
            KubeConfig.from_file(deployed.state / "kubeconfig"), namespace="inference", trust_env=False
        )

    def pods(self, kind: str) -> list[Pod]:
        found = self.client.list(Pod, labels={"ray.io/node-type": kind})
        return [pod for pod in found if pod.status and pod.status.phase == "Running"]

    def nodes(self, pool: str) -> list[str]:
        found = self.client.list(Node, labels={POOL_LABEL: pool})
        return sorted(str(node.metadata.name) for node in found if node.metadata)

    def scale(self, replicas: int) -> None:
        """What Ray's autoscaler asks of KubeRay."""
        metadata = next(iter(self.client.list(RayCluster))).metadata
        name = str(metadata.name if metadata else "")
        change = [{"op": "replace", "path": "/spec/workerGroupSpecs/0/replicas", "value": replicas}]
        self.client.patch(RayCluster, name, change, patch_type=PatchType.JSON)

    def pools(self) -> dict[str, Stored]:
        """Pools in ARM by the name that the environment gives them."""
        with Store(self.stack.state / "arm.db") as store:
            labelled = [pool for pool in store.all(POOL) if "nodeLabels" in pool.properties]
            return {pool.properties["nodeLabels"][POOL_LABEL]: pool for pool in labelled}


@pytest.fixture(scope="module")
def running(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    deployed = stack(tmp_path_factory.mktemp("life"), toolchain)
    cluster.start(deployed.state, toolchain, console=Console(stderr=True))
    try:
        passed(deployed.up(capture=True))
        yield Running(deployed)
    finally:
        cluster.stop(deployed.state)


def test_the_head_alone_runs_at_rest(running: Running) -> None:
    eventually("the head", lambda: running.pods("head"))
    assert not running.pods("worker")
    assert not running.nodes("slices")
    assert len(running.nodes("heads")) == 1


def test_a_head_whose_container_ended_keeps_its_pod(running: Running) -> None:
    (head,) = running.pods("head")
    assert head.metadata
    assert head.status
    ended = [
        {"name": each.name, "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
        for each in head.status.containerStatuses or ()
        if each.name == "ray-head"
    ]
    change = {"status": {"containerStatuses": ended}}
    running.client.patch(Pod.Status, str(head.metadata.name), change, patch_type=PatchType.STRATEGIC)
    log = Layout(running.stack.state).log("kuberay-operator")
    eventually("its verdict", lambda: "KubeRay will not delete the Pod" in log.read_text() or None)
    (still,) = running.pods("head")
    assert still.metadata
    assert still.metadata.uid == head.metadata.uid


def test_a_second_up_changes_nothing(running: Running) -> None:
    passed(running.stack.up("--expect-no-changes", capture=True))


def test_every_manifest_passes_a_strict_dry_run_and_the_operator(running: Running) -> None:
    server = ApiServer(running.stack.state / "kubeconfig")
    resources = deployed(running.stack)
    assert "RayService" in {one.manifest["kind"] for one in resources}
    assert refusals(resources, [server]) == []
    assert wrong_to_operator(server) == []


def test_a_dry_run_refuses_what_nobody_knows(running: Running) -> None:
    (service,) = (one for one in deployed(running.stack) if one.manifest["kind"] == "RayService")
    wrong = {**service.manifest, "spec": {**service.manifest["spec"], "replicas": 2}}
    (said,) = refusals([service._replace(manifest=wrong)], [ApiServer(running.stack.state / "kubeconfig")])
    assert "spec.replicas" in said


@pytest.mark.parametrize("replicas", [1, 2])
def test_workers_run_on_their_own_pool_from_zero_nodes_to_the_maximum(
    running: Running, replicas: int
) -> None:
    running.scale(replicas)
    workers = eventually(
        f"{replicas} workers", lambda: found if len(found := running.pods("worker")) == replicas else None
    )
    assert {pod.spec.nodeName for pod in workers if pod.spec} <= set(running.nodes("slices"))


def test_refresh_and_up_after_scaling_change_nothing(running: Running) -> None:
    assert running.pools()["slices"].properties["count"] == 1
    passed(running.stack.refresh(capture=True))
    passed(running.stack.up("--expect-no-changes", capture=True))
    assert running.pools()["slices"].properties["count"] == 1


def test_the_token_of_the_cluster_is_nowhere_in_plain(running: Running) -> None:
    kubeconfig = yaml.safe_load((running.stack.state / "kubeconfig").read_text())
    token: str = kubeconfig["users"][0]["user"]["token"]
    own = {running.stack.state / "kubeconfig"}
    private = running.stack.state / "cluster" / "pki"
    files = [file for file in running.stack.state.rglob("*") if file.is_file() and file not in own]
    holding = [file for file in files if token.encode() in file.read_bytes()]
    assert any("history" in file.parts for file in files)
    assert any(file.suffix == ".log" for file in files)
    assert [file for file in holding if private not in file.parents] == []
    assert all(file.stat().st_mode & 0o077 == 0 for file in holding)


def test_what_cannot_be_changed_in_place_previews_as_a_replacement_and_works(running: Running) -> None:
    def smaller_disk(environment: dict[str, Any]) -> None:
        environment["pools"][0]["os_disk_gb"] = 256

    before = running.pools()["slices"]
    asked = changed(running.stack, smaller_disk)
    operations = steps(passed(asked.preview("--json", capture=True)))
    replaced = {urn: op for urn, op in operations.items() if f"{POOL}::slices" in urn}
    # Created before the old one is deleted: a pool that serves is not taken away first.
    assert set(replaced.values()) & {"create-replacement", "replace"}
    passed(asked.up(capture=True))
    after = running.pools()["slices"]
    assert after.name != before.name
    assert after.properties["osDiskSizeGB"] == 256
    passed(asked.up("--expect-no-changes", capture=True))
    eventually("workers on the new pool", lambda: len(running.pods("worker")) == 2 or None)


def test_what_aks_adds_to_a_spot_pool_is_no_change(running: Running) -> None:
    def with_spot(environment: dict[str, Any]) -> None:
        environment["pools"][0]["os_disk_gb"] = 256
        environment["pools"].append(
            {
                "name": "spot",
                "sku": "Standard_NC40ads_H100_v5",
                "priority": "Spot",
                "nodes": {"max": 1},
            }
        )

    asked = changed(running.stack, with_spot)
    passed(asked.up(capture=True))
    spot = running.pools()["spot"].properties
    assert spot["nodeLabels"][SPOT] == "spot"
    assert f"{SPOT}=spot:NoSchedule" in spot["nodeTaints"]
    passed(asked.refresh(capture=True))
    passed(asked.up("--expect-no-changes", capture=True))


def test_destroy_with_workers_leaves_no_resource_and_stopping_leaves_no_process(running: Running) -> None:
    assert running.pods("worker")
    passed(running.stack.destroy(capture=True))
    with Store(running.stack.state / "arm.db") as store:
        assert not store.all(POOL)
        assert not store.all("azure-native:resources:ResourceGroup")
    cluster.stop(running.stack.state)
    assert commands_with(str(running.stack.state)) == []
