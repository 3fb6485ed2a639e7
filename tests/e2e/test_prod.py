"""prod on two real control planes, one of them of a cluster that was there: to the maximum and back."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml
from lightkube import Client
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod
from lightkube.types import CascadeType, PatchType
from rich.console import Console

from components.gateway_names import NAMESPACE as GATEWAY
from components.stack import NAMESPACE
from inference_stack.planner import POOL_LABEL, Plan, PlannedPool, copies, plan_environment
from inference_stack.spec import read
from localcloud import cluster
from localcloud.arm.control_planes import home
from localcloud.arm.store import Store
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from policies.baseline import differences
from tests.cluster.live import RayCluster, RayService, eventually
from tests.components.prod_network import network_policies
from tests.e2e.environments import commands_with, passed, pinned, stack
from tests.e2e.manifests import ApiServer, deployed, refusals, wrong_to_operator
from tests.e2e.pods import enforcing, made, owning, pods_of, restricted
from tests.gateway.proxy_pods import proxy_pods
from tests.policies.cluster_view import view

pytestmark = pytest.mark.e2e

AKS_POOL = "kubernetes.azure.com/agentpool"
OWNER = "ray.io/originated-from-cr-name"
PATIENCE_S = 600
"""For a hundred pods on forty nodes, on few cores."""


class Group(NamedTuple):
    """A group of workers of a service, wherever it runs."""

    model: str
    name: str


class Prod:
    """prod, up, and the cluster that it found."""

    def __init__(self, made: Stack, before: dict[str, dict[str, Any]]) -> None:
        """`before` is what ARM had before the stack."""
        self.stack, self.before = made, before
        source = read(made.settings)
        self.plan: Plan = plan_environment(source.data, name="prod", file=made.settings.name)
        homes = {
            home(made.state, _cluster_id(pool)) if pool.existing else made.state for pool in self.plan.pools
        }
        self.servers = [ApiServer(folder / "kubeconfig") for folder in sorted(homes)]

    def clusters(self) -> Iterator[tuple[Client, Any]]:
        """Every RayCluster, with the client of its API server."""
        for server in self.servers:
            for found in server.client.list(RayCluster, namespace="*"):
                yield server.client, found

    def groups(self) -> dict[Group, dict[str, Any]]:
        """The specification of every group of workers."""
        return {
            Group(found.metadata.labels[OWNER], group["groupName"]): group
            for _, found in self.clusters()
            for group in found.spec["workerGroupSpecs"]
        }

    def scale(self, bound: str | int) -> Counter[Group]:
        """Ask KubeRay for as many workers of each group as Ray's autoscaler would at once; what was asked."""
        asked: Counter[Group] = Counter()
        present = self.workers()
        for client, found in self.clusters():
            change: list[dict[str, Any]] = []
            for index, spec in enumerate(found.spec["workerGroupSpecs"]):
                group = Group(found.metadata.labels[OWNER], spec["groupName"])
                asked[group] = spec[bound] if isinstance(bound, str) else max(bound, spec["minReplicas"])
                # The operator takes no worker away that the autoscaler does not name.
                surplus = list(present.get(group, {}))[asked[group] :]
                for name, value in (
                    ("replicas", asked[group]),
                    ("scaleStrategy", {"workersToDelete": surplus}),
                ):
                    path = f"/spec/workerGroupSpecs/{index}/{name}"
                    change.append({"op": "add", "path": path, "value": value})
            name, namespace = found.metadata.name, found.metadata.namespace
            client.patch(RayCluster, name, change, namespace=namespace, patch_type=PatchType.JSON)
        return +asked

    def workers(self) -> dict[Group, dict[str, str]]:
        """The node of every worker that runs."""
        found: dict[Group, dict[str, str]] = {}
        for client, running in self.clusters():
            labels = {"ray.io/cluster": running.metadata.name, "ray.io/node-type": "worker"}
            for pod in client.list(Pod, namespace=running.metadata.namespace, labels=labels):
                assert pod.metadata
                assert pod.metadata.labels
                group = Group(running.metadata.labels[OWNER], pod.metadata.labels["ray.io/group"])
                if pod.status and pod.status.phase == "Running" and pod.spec and pod.spec.nodeName:
                    found.setdefault(group, {})[str(pod.metadata.name)] = pod.spec.nodeName
        return found

    def pool_of(self) -> dict[str, str]:
        """The pool, as the environment names it, of every node with a pool of the plan."""
        existing = {
            str(pool.existing).rpartition("/")[2]: pool.name for pool in self.plan.pools if pool.existing
        }
        found: dict[str, str] = {}
        for server in self.servers:
            for node in server.client.list(Node):
                assert node.metadata
                labels = node.metadata.labels or {}
                pool = labels.get(POOL_LABEL) or existing.get(labels[AKS_POOL])
                if pool:
                    found[str(node.metadata.name)] = pool
        return found

    def meant_for(self, group: Group) -> str:
        """The pool that the plan gives a group of workers."""
        model = next(model for model in self.plan.models if model.name == group.model)
        return model.prefill.pool if model.prefill and group.name.endswith("-prefill") else model.pool

    def counts(self) -> dict[str, int]:
        """Nodes of each GPU pool."""
        counted = Counter(self.pool_of().values())
        return {pool.name: counted[pool.name] for pool in self.plan.pools}

    def waiting(self) -> list[str]:
        """Pods that wait, and why, for whoever reads a failure."""
        found = cluster.status(self.stack.state)
        return [
            f"{pod.name}: {pod.reasons}" for one in (found, *found.existing.values()) for pod in one.pending
        ]


def _cluster_id(pool: PlannedPool) -> str:
    return str(pool.existing).rpartition("/agentPools/")[0]


def _in_arm(made: Stack) -> dict[str, dict[str, Any]]:
    """Everything in ARM, but for the counts that autoscalers move."""
    with Store(made.state / "arm.db") as store:
        return {
            stored.id: {name: value for name, value in stored.properties.items() if name != "count"}
            for stored in store.within("")
        }


@pytest.fixture(scope="module")
def prod(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prod]:
    made = stack(tmp_path_factory.mktemp("prod"), toolchain, pinned, environment="prod")
    try:
        made.prepare()
        before = _in_arm(made)
        made.start(Console(stderr=True))
        passed(made.up(*made.policies, capture=True))
        yield Prod(made, before)
    finally:
        cluster.stop(made.state)


def test_the_cluster_that_was_made_has_what_the_table_of_the_baselines_says(prod: Prod) -> None:
    assert list(differences(view(prod.stack.backend.deployment()["resources"]))) == []


def test_each_model_is_a_service_of_its_own_in_the_cluster_of_its_pool(prod: Prod) -> None:
    served = [{found["metadata"]["name"] for found in server.services()} for server in prod.servers]
    existing = {pool.name for pool in prod.plan.pools if pool.existing}
    own = {model.name for model in prod.plan.models if model.pool not in existing}
    others = {model.name for model in prod.plan.models} - own
    assert own
    assert others
    assert served == [own, others]


def test_no_service_was_made_before_all_weights_were_there(prod: Prod) -> None:
    jobs = [job for server in prod.servers for job in server.client.list(Job, namespace=NAMESPACE)]
    expected = copies(prod.plan.environment, prod.plan.models)
    assert len(jobs) == len(expected) > 1
    ended = [job.status.completionTime for job in jobs if job.status and job.status.completionTime]
    assert len(ended) == len(jobs)
    made = [
        service.metadata.creationTimestamp
        for server in prod.servers
        for service in server.client.list(RayService, namespace="*")
        if service.metadata and service.metadata.creationTimestamp
    ]
    assert len(made) == len(prod.plan.models)
    assert max(ended) <= min(made)


def test_the_status_tells_of_both_clusters(prod: Prod) -> None:
    found = cluster.status(prod.stack.state)
    (other,) = found.existing.values()
    assert found.running
    assert other.running
    existing = {str(pool.existing).rpartition("/")[2] for pool in prod.plan.pools if pool.existing}
    assert {pool.name for pool in other.pools} == existing | {"system"}
    assert not existing & {pool.name for pool in found.pools}


def test_every_manifest_passes_a_strict_dry_run(prod: Prod) -> None:
    resources = deployed(prod.stack)
    assert len({one.provider for one in resources}) == len(prod.servers)
    assert refusals(resources, prod.servers) == []
    assert len(resources) > 2 * len(prod.plan.models)


def test_the_network_policies_are_those_that_docs_network_lists(prod: Prod) -> None:
    found = [one.manifest for one in deployed(prod.stack) if one.manifest["kind"] == "NetworkPolicy"]

    def by_name(policies: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
        named = {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"] for one in policies}
        assert len(named) == len(policies)
        return named

    assert by_name(found) == by_name(network_policies(prod.plan))


@pytest.mark.parametrize("bound", [1, "maxReplicas"])
def test_every_worker_runs_on_its_own_pool(prod: Prod, bound: str | int) -> None:
    heads = eventually("a RayCluster for each model", lambda: len(prod.groups()) >= len(prod.plan.models))
    assert heads
    asked = prod.scale(bound)

    def all_running() -> dict[Group, dict[str, str]] | None:
        found = prod.workers()
        return found if {group: len(nodes) for group, nodes in found.items()} == asked else None

    try:
        running = eventually(f"{asked.total()} workers", all_running, PATIENCE_S)
    except AssertionError as late:
        raise AssertionError(f"{late}; {prod.workers()}; waiting: {prod.waiting()}") from None
    pools = prod.pool_of()
    strayed = {
        group: sorted({pools.get(node, node) for node in workers.values()} - {prod.meant_for(group)})
        for group, workers in running.items()
    }
    assert {group: where for group, where in strayed.items() if where} == {}


def test_namespaces_of_ours_take_every_pod_of_ours_and_none_that_could_own_its_node(prod: Prod) -> None:
    sent = [one.manifest for one in deployed(prod.stack)]
    held = [(server, name) for server in prod.servers for name in enforcing(server)]
    assert {name for _, name in held} == {
        each["metadata"]["name"] for each in sent if each["kind"] == "Namespace"
    }
    taken = {
        (name, what): server.refusal(pod) for server, name in held for what, pod in pods_of(server, name)
    }
    assert {key: refused for key, refused in taken.items() if refused} == {}
    groups = {f"{group.model}/{group.name}" for group in prod.groups()}
    heads = {f"{model.name}/headgroup" for model in prod.plan.models}
    assert {what for _, what in taken} == groups | heads | {"kuberay-operator", "envoy-gateway", "weights"}
    for server, name in held:
        assert server.refusal(restricted(name)) is None
        for said, pod in owning(name):
            refused = server.refusal(pod) or ""
            assert 'is forbidden: violates PodSecurity "restricted:' in refused
            assert said in refused


@pytest.fixture(scope="module")
def proxies(prod: Prod, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of the pods that the gateway's controller makes."""
    kept = prod.servers[0].client.get(ConfigMap, "envoy-gateway-config", namespace=GATEWAY).data or {}
    (asked,) = (one.manifest for one in deployed(prod.stack) if one.manifest["kind"] == "EnvoyProxy")
    return proxy_pods(tmp_path_factory.mktemp("proxies"), yaml.safe_load(kept["envoy-gateway.yaml"]), asked)


def containers_of(prod: Prod, proxies: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every container in a namespace of ours, those of the proxies included."""
    held = [
        each for server in prod.servers for name in enforcing(server) for _, each in pods_of(server, name)
    ]
    for spec in (*(each["spec"] for each in held), proxies["spec"]):
        yield from (*spec.get("initContainers", ()), *spec["containers"])


def test_the_namespace_of_the_gateway_takes_the_proxies_that_its_controller_makes(
    prod: Prod, proxies: dict[str, Any]
) -> None:
    # The controller makes their account; the API server wants one that is there.
    spec = {**proxies["spec"], "serviceAccountName": "default"}
    assert prod.servers[0].refusal(made(GATEWAY, spec, proxies["metadata"]["labels"])) is None


def test_every_image_is_pulled_by_the_digest_that_the_environment_names(
    prod: Prod, proxies: dict[str, Any]
) -> None:
    images = prod.plan.environment.images
    named = (images.device_plugin, images.dcgm_exporter, images.kuberay_operator, images.envoy_gateway)
    wanted = {images.pulled(each) for each in (*named, images.envoy, images.serving)}
    assert all("@sha256:" in each for each in wanted)
    daemons = [one.manifest for one in deployed(prod.stack) if one.manifest["kind"] == "DaemonSet"]
    found = [*containers_of(prod, proxies)]
    found += [each for daemon in daemons for each in daemon["spec"]["template"]["spec"]["containers"]]
    assert {each["image"] for each in found} == wanted


def test_no_container_of_ours_can_write_to_its_image(prod: Prod, proxies: dict[str, Any]) -> None:
    found = {each["name"]: each["securityContext"] for each in containers_of(prod, proxies)}
    assert {"ray-head", "ray-worker", "autoscaler", "wait-gcs-ready", "weights"} < found.keys()
    assert {"kuberay-operator", "envoy-gateway", "envoy", "shutdown-manager"} < found.keys()
    assert [name for name, security in found.items() if not security.get("readOnlyRootFilesystem")] == []


def test_neither_refresh_nor_up_changes_anything_at_the_maximum(prod: Prod) -> None:
    passed(prod.stack.refresh(capture=True))
    passed(prod.stack.up("--expect-no-changes", capture=True))


def test_every_pool_goes_back_to_its_minimum(prod: Prod) -> None:
    assert all(
        prod.counts()[pool.name] > pool.nodes.min
        for pool in prod.plan.pools
        if pool.nodes_used > pool.nodes.min
    )
    prod.scale(0)
    least = {pool.name: pool.nodes.min for pool in prod.plan.pools}
    eventually(f"{least} nodes", lambda: prod.counts() == least, PATIENCE_S)


def test_the_operator_finds_nothing_wrong_with_any_service(prod: Prod) -> None:
    assert sum(len(list(server.services())) for server in prod.servers) == len(prod.plan.models)
    assert [wrong for server in prod.servers for wrong in wrong_to_operator(server)] == []


def test_the_operator_would_say_what_is_wrong_with_a_service(prod: Prod) -> None:
    server = prod.servers[0]
    given = next(server.services())
    namespace = given["metadata"]["namespace"]
    faulty = {**given, "metadata": {"name": "faulty", "namespace": namespace}}
    faulty["spec"]["rayClusterConfig"]["headGroupSpec"]["headService"] = {"metadata": {"name": "mine"}}
    server.client.create(RayService.from_dict(faulty))
    try:
        (said,) = eventually("an event", lambda: server.said_of(faulty, "InvalidRayServiceSpec"))
        assert "headService.metadata.name should not be set" in said
    finally:
        server.client.delete(RayService, "faulty", namespace=namespace, cascade=CascadeType.BACKGROUND)


def test_destroy_leaves_what_was_there_before_and_stopping_leaves_no_process(prod: Prod) -> None:
    assert any("/agentPools/" in resource_id for resource_id in prod.before)
    passed(prod.stack.destroy(capture=True))
    assert _in_arm(prod.stack) == prod.before
    namespaces = {str(one.metadata and one.metadata.name) for one in prod.servers[-1].client.list(Namespace)}
    assert not any(name.startswith("inference") for name in namespaces)
    assert "kuberay-system" in namespaces
    cluster.stop(prod.stack.state)
    assert commands_with(str(prod.stack.state)) == []
