"""The RayService manifest (KubeRay 1.6.1): a head without GPU work, and groups of workers."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PositiveInt

from .applications import DRAIN_S, ServeConfig
from .model import Emitted
from .serve_config import worker_resource
from .versions import RAY

Manifest = dict[str, Any]

SERVICE_LABEL = "inference-stack.io/service"
"""Label on the workers of a service; its value is the service's name."""

NETWORK_LABEL = "inference-stack.io/network"
"""Label on all pods of a service, between which the network is open; its value is the service's name."""

LICENCE_ANNOTATION = "inference-stack.io/licence"
"""Annotation of a service: the licences of its weights, with commas, where a policy cannot know them: of
weights of one's own."""

OBJECT_STORE_SHARE = 0.5
"""Part of /dev/shm that Ray's object store may fill; the rest is for vLLM's processes and NCCL.

Left to itself Ray takes 30 % of the pod's memory, and moves to a disk where /dev/shm is smaller than that."""
HEAD_SHM_GIB = 1

SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod
"""All that the image's programs write, /dev/shm aside: sessions and logs of Ray below it, and as their HOME
what they keep, such as compiled kernels and checkpoints from the hub. The image itself is read-only."""

RECORDS_PATH = f"{SCRATCH}/ray-gcs"
"""Where the head keeps what its GCS knows: nodes, actors, and Serve's own notes among them."""
RECONNECT_S = 600
"""How long a worker waits for a head that is away, seconds: KubeRay's own figure. Ray's is 60; a container
that fails several times waits up to five minutes for its next try."""

PORTS = {"gcs-server": 6379, "dashboard": 8265, "client": 10001, "metrics": 8080, "serve": 8000}
"""Ports of the head; KubeRay finds each by its name. It has workers tell their series on the same one."""


class HeadGroup(Emitted):
    """The pod of the Ray head, the Serve controller and the ingress."""

    cpu: PositiveInt = Field(default=2, description="Cores.")
    memory_gib: PositiveInt = Field(default=8, description="Memory, GiB.")
    node_selector: dict[str, str] = Field(description="Labels of the nodes that it may run on.")


class WorkerGroup(Emitted):
    """Worker pods on a GPU pool. One pod carries one replica of a model, or those that share its GPU."""

    name: str = Field(description="Name of the group: its pool, or its part there.")
    node_selector: dict[str, str] = Field(description="Labels of the nodes of the pool.")
    taints: tuple[str, ...] = Field(
        default=(), description="Taints of those nodes that the pods tolerate, `key=value:effect`."
    )
    resource: str = Field(description="Kubernetes resource of one GPU or slice.")
    units: PositiveInt = Field(description="GPUs or slices of a pod.")
    accelerator_type: str | None = Field(default=None, description="Ray's name of the GPU, if it has one.")
    cpu: PositiveInt = Field(description="Cores.")
    memory_gib: PositiveInt = Field(description="Memory, GiB, shared memory included.")
    shm_gib: PositiveInt = Field(description="Size of /dev/shm, GiB.")
    replicas_min: int = Field(ge=0, description="Pods kept when nobody asks for anything.")
    replicas_max: PositiveInt = Field(description="Pods at peak.")


class RayService(Emitted):
    """One service: what upgrades, scales and goes away by itself."""

    name: str = Field(description="Name of the RayService, at most 47 characters.")
    namespace: str
    image: str = Field(description="Image with Ray and vLLM, head and workers.")
    service_account: str = Field(
        description="Existing service account of the pods. KubeRay binds to it what the Ray autoscaler needs."
    )
    licences: tuple[str, ...] = Field(min_length=1, description="Licences of the weights of its models.")
    head: HeadGroup
    workers: tuple[WorkerGroup, ...] = Field(min_length=1)
    serve: ServeConfig
    idle_timeout_s: PositiveInt = Field(
        default=300, description="Ray's autoscaler removes a worker that was idle so long, seconds."
    )
    upgrade: Literal["NewCluster", "None"] = Field(
        default="NewCluster",
        description="NewCluster: a second cluster beside the first, which needs every GPU twice. "
        "None: a change of the pods waits until the service is made anew.",
    )
    gcs_fault_tolerance: bool = Field(
        default=True,
        description="Whether a head whose container ends goes on in its pod with what it knew, while the "
        "workers wait. False: KubeRay makes a new pod, which knows nothing and sends the workers away.",
    )
    initializing_timeout_s: PositiveInt | None = Field(
        default=None,
        # It is an end, not a retry: a service that waited too long for a GPU must be deleted and made again.
        description="KubeRay gives up for good a service that is not ready after this, seconds. None: never.",
    )


def ray_service(service: RayService) -> Manifest:
    """The manifest of a service, in JSON types."""
    annotations = {
        # Foreground deletion never ends: the operator makes new pods while the old ones are collected.
        "pulumi.com/deletionPropagationPolicy": "background",
        LICENCE_ANNOTATION: ",".join(service.licences),
    }
    if service.initializing_timeout_s is not None:
        annotations["ray.io/initializing-timeout"] = str(service.initializing_timeout_s)
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": service.name, "namespace": service.namespace, "annotations": annotations},
        "spec": {
            "serveConfigV2": service.serve.to_yaml(),
            "upgradeStrategy": {"type": service.upgrade},
            # The old cluster stays until the requests it has are answered.
            "rayClusterDeletionDelaySeconds": DRAIN_S,
            "rayClusterConfig": {
                "rayVersion": RAY,
                "enableInTreeAutoscaling": True,
                "autoscalerOptions": _autoscaler(service),
                "headGroupSpec": _head(service),
                "workerGroupSpecs": [_worker(service, group) for group in service.workers],
            },
        },
    }


def _autoscaler(service: RayService) -> Manifest:
    size = {"cpu": "500m", "memory": "512Mi"}
    return {
        # Where KubeRay is told of v2, no pod restarts, and a head whose container ends is deleted with its
        # volumes. A head that shall not be asks for v2 by itself; Ray 2.60's v2 deletes no head.
        **({} if service.gcs_fault_tolerance else {"version": "v2"}),
        "upscalingMode": "Default",
        "idleTimeoutSeconds": service.idle_timeout_s,
        "resources": {"requests": size, "limits": dict(size)},
        **read_only_image(),
    }


def _head(service: RayService) -> Manifest:
    head = service.head
    container: Manifest = {
        "name": "ray-head",
        "image": service.image,
        "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
        **_container(head.cpu, head.memory_gib, {}),
    }
    pod = _pod(service, container, HEAD_SHM_GIB)
    if service.gcs_fault_tolerance:
        container["env"] += _variables(
            {
                # On a volume of the pod. That of a claim would still be held by the old cluster when the new
                # one of an upgrade starts, and the clusters made here have no driver of disks.
                "RAY_gcs_storage": "rocksdb",
                "RAY_gcs_storage_path": RECORDS_PATH,
                "RAY_enable_autoscaler_v2": "true",
            }
        )
        pod["restartPolicy"] = "Always"
    return {
        # Replicas ask for no CPU. What Ray makes for itself does, and belongs here: the memory of a prefix
        # router is one actor, and every request fails once it has gone with a worker that was idle.
        "rayStartParams": {
            "num-cpus": "1",
            "dashboard-host": "0.0.0.0",  # noqa: S104 - of the pod, where the operator and probes reach it
            "object-store-memory": _object_store(HEAD_SHM_GIB),
        },
        "template": {
            "metadata": _pod_metadata({NETWORK_LABEL: service.name}),
            "spec": {**pod, "nodeSelector": dict(head.node_selector)},
        },
    }


def _worker(service: RayService, group: WorkerGroup) -> Manifest:
    container: Manifest = {
        "name": "ray-worker",
        "image": service.image,
        **_container(group.cpu, group.memory_gib, {group.resource: str(group.units)}),
    }
    pod = _pod(service, container, group.shm_gib)
    if service.gcs_fault_tolerance:
        container["env"] += _variables({"RAY_gcs_rpc_server_reconnect_timeout_s": str(RECONNECT_S)})
        # Ray's autoscaler takes a worker that ended for gone, and KubeRay makes another.
        pod["restartPolicy"] = "Never"
    return {
        "groupName": group.name,
        "replicas": group.replicas_min,
        "minReplicas": group.replicas_min,
        "maxReplicas": group.replicas_max,
        "resources": ray_resources(group),
        "rayStartParams": {"object-store-memory": _object_store(group.shm_gib)},
        "template": {
            "metadata": _pod_metadata({NETWORK_LABEL: service.name, SERVICE_LABEL: service.name}),
            "spec": {
                **pod,
                "nodeSelector": dict(group.node_selector),
                "tolerations": [_toleration(taint) for taint in group.taints],
                # Only the head talks to the API server. Workload identity brings a token of its own.
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": DRAIN_S,
            },
        },
    }


def ray_resources(group: WorkerGroup) -> dict[str, str]:
    """What Ray schedules by on a worker, said outright. A MIG slice counts as one GPU; CPUs are the head's.

    A worker that runs finds its GPUs and their type by itself. While none runs, Ray's autoscaler knows only
    what stands here: it takes resources whose names end in "gpu" for GPUs, no MIG slice, and infers no type.
    A replica that asks for `accelerator_type:H100` would wait for ever.
    """
    resources = {"CPU": "0", "GPU": str(group.units), worker_resource(group.name): "1"}
    if group.accelerator_type is not None:
        resources[f"accelerator_type:{group.accelerator_type}"] = "1"
    return resources


def _variables(named: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in named.items()]


def read_only_image(*mounts: Manifest) -> Manifest:
    """What a container of the image of heads and workers has, so that it writes to volumes alone.

    `mounts` are those of other volumes than `scratch`, which its pod must have.
    """
    return {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "env": _variables({"HOME": SCRATCH}),
        "volumeMounts": [*mounts, {"name": "scratch", "mountPath": SCRATCH}],
    }


def _container(cpu: int, memory_gib: int, accelerators: dict[str, str]) -> Manifest:
    """Requests equal to limits: Ray takes the limits for what it may hand out.

    Probes are left to KubeRay. They ask for the raylet and the Serve proxy, and a model that loads for an
    hour fails neither.
    """
    amounts = {"cpu": str(cpu), "memory": f"{memory_gib}Gi", **accelerators}
    return {
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": amounts, "limits": dict(amounts)},
        **read_only_image({"name": "shared-memory", "mountPath": "/dev/shm"}),  # noqa: S108 - the same
    }


def pod_security() -> Manifest:
    """Whom a pod of the image of heads and workers runs as: `ray`, a user of the Ray project's images."""
    return {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 100,
        "fsGroup": 100,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _pod(service: RayService, container: Manifest, shm_gib: int) -> Manifest:
    return {
        "serviceAccountName": service.service_account,
        "securityContext": pod_security(),
        "containers": [container],
        "volumes": [
            # Without it a pod has 64 MiB, in which neither NCCL nor vLLM's processes can talk.
            {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": f"{shm_gib}Gi"}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def _pod_metadata(labels: dict[str, str]) -> Manifest:
    return {
        "labels": {"azure.workload.identity/use": "true", **labels},
        "annotations": {
            # The cluster autoscaler would move these pods to save a node. Ray's own removes idle workers.
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(PORTS["metrics"]),
            "prometheus.io/path": "/metrics",
        },
    }


def _object_store(shm_gib: int) -> str:
    return str(int(shm_gib * 1024**3 * OBJECT_STORE_SHARE))


def _toleration(taint: str) -> Manifest:
    pair, _, effect = taint.rpartition(":")
    key, _, value = pair.partition("=")
    if not (key and effect):
        raise ValueError(f"taint {taint!r} is not of the form key=value:effect")
    return {"key": key, "operator": "Equal", "value": value, "effect": effect}
