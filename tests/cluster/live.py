"""A running cluster, and what the tests do to it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx2
import yaml
from lightkube import Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.core_v1 import Event, Node, Pod
from lightkube.types import CascadeType, PatchType

from localcloud.arm.store import Store, Stored, now
from localcloud.cluster.pool import AGENT_POOL, MANAGED_CLUSTER
from tests.cluster.builders import GPU_TAINT, H100, SLICE, SLICE_TAG, TOLERATES_GPU

CLOCK_SPEED = 60
PATIENCE_S = 180
CLUSTER_ID = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"
RayService = create_namespaced_resource("ray.io", "v1", "RayService", "rayservices")
RayCluster = create_namespaced_resource("ray.io", "v1", "RayCluster", "rayclusters")

Found = TypeVar("Found")


def pool_id(name: str) -> str:
    return f"{CLUSTER_ID}/agentPools/{name}"


def stored_pool(name: str, size: str, **properties: Any) -> Stored:
    given = {"vmSize": size, "count": 0, "mode": "User", "osType": "Linux", "provisioningState": "Succeeded"}
    return Stored(
        id=pool_id(name),
        type=AGENT_POOL,
        name=name,
        parent_id=CLUSTER_ID,
        properties={**given, **properties},
        created=now(),
    )


def stored_slices(**properties: Any) -> Stored:
    """The pool of H100s in slices, described by its tag."""
    given: dict[str, Any] = {
        "enableAutoScaling": True,
        "minCount": 0,
        "maxCount": 2,
        "gpuInstanceProfile": "MIG2g",
        "gpuProfile": {"driver": "Install"},
        "nodeLabels": {"pool": "chat"},
        "nodeTaints": [GPU_TAINT],
        "tags": {SLICE_TAG: "3"},
    }
    return stored_pool("chat", H100, **{**given, **properties})


def fill(store: Store) -> None:
    """A cluster with an inline system pool, a pool for heads and a pool of slices."""
    system = {"name": "system", "vmSize": "Standard_D4ds_v5", "count": 1, "mode": "System"}
    properties = {
        "location": "eastus2",
        "kubernetesVersion": "1.35.4",
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay"},
        "agentPoolProfiles": [system],
    }
    store.put(Stored(id=CLUSTER_ID, type=MANAGED_CLUSTER, name="aks", properties=properties, created=now()))
    heads = {"enableAutoScaling": True, "minCount": 1, "maxCount": 2, "nodeLabels": {"pool": "heads"}}
    store.put(stored_pool("heads", "Standard_D8ds_v5", count=1, **heads))
    store.put(stored_slices())


def eventually(what: str, look: Callable[[], Found | None], within_s: float = PATIENCE_S) -> Found:
    """What a look finds, as soon as it finds something that is true."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {within_s} s: {what}")


class Live:
    """A running cluster."""

    def __init__(self, state: Path, store: Store) -> None:
        self.state, self.store = state, store
        self.client = Client(
            KubeConfig.from_file(state / "kubeconfig"),
            trust_env=False,
            field_manager="test",
            namespace="default",
        )

    def apply_definitions(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.yaml")):
            # A definition is a megabyte of YAML: half a minute for the loader that is written in Python.
            manifest = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
            definition = cast("CustomResourceDefinition", CustomResourceDefinition.from_dict(manifest))
            self.client.apply(definition, force=True)
        eventually("Ray's kinds are served", self._serves_ray)

    def create_device_plugin(self, strategy: str = "mixed") -> None:
        labels = {"app": "device-plugin"}
        container = {
            "name": "plugin",
            "image": "nvcr.io/nvidia/k8s-device-plugin:v0.17.4",
            "env": [{"name": "MIG_STRATEGY", "value": strategy}],
            "resources": {"requests": {"cpu": "50m", "memory": "100Mi"}},
        }
        template = {
            "metadata": {"labels": labels},
            "spec": {
                "nodeSelector": {"pool": "chat"},
                "tolerations": [{"operator": "Exists"}],
                "containers": [container],
            },
        }
        manifest = {
            "metadata": {"name": "device-plugin", "namespace": "default"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
        self.client.create(cast("DaemonSet", DaemonSet.from_dict(manifest)))

    def nodes(self, pool: str) -> list[Node]:
        return list(self.client.list(Node, labels={"agentpool": pool}))

    def count(self, pool: str) -> int:
        stored = self.store.get(pool_id(pool))
        return stored.properties["count"] if stored else 0

    def pods(self, role: str, phase: str = "Running") -> list[Pod]:
        found = self.client.list(Pod, labels={"ray.io/node-type": role})
        return [pod for pod in found if pod.status and pod.status.phase == phase]

    def events(self, reason: str, about: Pod) -> list[str]:
        uid = about.metadata.uid if about.metadata else ""
        found = self.client.list(Event, namespace="*", fields={"reason": reason})
        return [event.message or "" for event in found if event.involvedObject.uid == uid]

    def create_service(self) -> None:
        self.client.create(RayService.from_dict(ray_service()))

    def delete_service(self) -> None:
        self.client.delete(RayService, "chat", cascade=CascadeType.BACKGROUND)
        eventually("the pods of Ray are gone", lambda: not (self._ray_pods() or self._clusters()))

    def scale_workers(self, replicas: int) -> None:
        """What Ray's autoscaler would ask of KubeRay."""
        name = eventually("a RayCluster", self._clusters)[0].metadata
        assert name is not None
        change = [{"op": "replace", "path": "/spec/workerGroupSpecs/0/replicas", "value": replicas}]
        self.client.patch(RayCluster, str(name.name), change, patch_type=PatchType.JSON)

    def _serves_ray(self) -> bool:
        try:
            return not list(self.client.list(RayService))
        except httpx2.HTTPStatusError:
            return False

    def _clusters(self) -> list[Any]:
        return list(self.client.list(RayCluster))

    def _ray_pods(self) -> list[Pod]:
        return list(self.client.list(Pod, labels={"ray.io/is-ray-node": "yes"}))


def ray_service() -> dict[str, Any]:
    """A service whose workers take a slice each and whose head takes none."""

    def pod(requests: dict[str, str], pool: str, **more: Any) -> dict[str, Any]:
        resources = {"requests": requests, "limits": requests}
        container = {"name": "ray", "image": "rayproject/ray-llm:2.60.0-py312-cu130", "resources": resources}
        return {"spec": {"containers": [container], "nodeSelector": {"pool": pool}, **more}}

    worker = pod({"cpu": "8", "memory": "64Gi", SLICE: "1"}, "chat", tolerations=TOLERATES_GPU)
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "chat", "namespace": "default"},
        "spec": {
            "serveConfigV2": "applications: []",
            "rayClusterConfig": {
                "rayVersion": "2.60.0",
                "headGroupSpec": {
                    "rayStartParams": {"num-cpus": "0"},
                    "template": pod({"cpu": "2", "memory": "8Gi"}, "heads"),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "slices",
                        "replicas": 0,
                        "minReplicas": 0,
                        "maxReplicas": 6,
                        "rayStartParams": {},
                        "template": worker,
                    }
                ],
            },
        },
    }
