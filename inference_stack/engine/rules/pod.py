"""What a pod that runs engines needs of Kubernetes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_stack.engine.document import at, mapping, mappings, number, quantity
from inference_stack.engine.schema import joined
from inference_stack.spec import Severity

from .rule import Fault, Rule, rule
from .secrets import secret_names

KUBERAY = "kuberay 1.6.1, ray-operator/controllers/ray"
KUBERNETES = "kubernetes 1.35"

GPU = re.compile(r".*gpu|nvidia\.com/mig-\d+g\.\d+gb")
"""Kubernetes resources that KubeRay counts as GPUs."""
SLICE = re.compile(r"nvidia\.com/mig-\d+g\.\d+gb.*")

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where it lies in a pod
LOAD_S = 600
"""What vLLM itself gives an engine to start, seconds; a probe that ends a pod sooner never lets it."""

SERVER = re.compile(r"vllm(\s+|\W+)serve|vllm\.entrypoints\.\S*api_server|vllm/vllm-openai")
"""In a container's image, command or arguments: vLLM's own server."""


@dataclass(frozen=True)
class Pod:
    """The specification of a pod as written."""

    spec: Mapping[str, Any]
    of_ray: bool = False
    """Whether KubeRay makes it: the operator adds probes of Ray's and, where none is said, /dev/shm."""
    start: Mapping[str, Any] | None = None
    """Parameters of `ray start` in it, if it is of Ray."""

    @property
    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each container with its path; the first is Ray's, if the pod is."""
        for index, container in mappings(self.spec, "containers"):
            yield f"containers[{index}]", container

    @property
    def engines(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Containers that may run an engine: Ray's, or those with vLLM's server."""
        for path, container in self.containers:
            if self.of_ray:
                yield path, container
                return
            said = (container.get("image"), container.get("command"), container.get("args"))
            if SERVER.search(" ".join(_words(said))):
                yield path, container


def _words(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, list | tuple):
        for part in said:  # pyright: ignore[reportUnknownVariableType] - whatever it holds
            yield from _words(part)  # pyright: ignore[reportUnknownArgumentType]


def gpus(container: Mapping[str, Any], kind: str = "limits") -> Mapping[str, float]:
    """GPUs and slices that a container has, by their Kubernetes resource."""
    said = mapping(container, "resources", kind)
    return {
        name: amount for name, given in said.items() if GPU.fullmatch(name) and (amount := quantity(given))
    }


@rule(
    "shared-memory-missing",
    Severity.WARNING,
    states="A pod with GPUs has /dev/shm in memory and larger than the 64 MiB of a container.",
    reference=f"{KUBERAY}/common/pod.go: addEmptyDir; NCCL and vLLM's processes talk through it",
)
def _shared_memory_missing(pod: Pod) -> Iterator[Fault]:
    for path, container in pod.engines:
        if not gpus(container):
            continue
        mounted = [
            each.get("name")
            for _, each in mappings(container, "volumeMounts")
            if str(each.get("mountPath")).rstrip("/") == SHARED_MEMORY
        ]
        if not mounted:
            if pod.of_ray and "plasma-directory" not in (pod.start or {}):
                continue
            yield Fault(
                path=joined(path, "volumeMounts"),
                what=f"without a volume {SHARED_MEMORY} holds 64 MiB, and NCCL fails or hangs with more than "
                "one GPU",
                remedy="mount an emptyDir with medium: Memory there",
            )
            continue
        for index, volume in mappings(pod.spec, "volumes"):
            if (
                volume.get("name") in mounted
                and "emptyDir" in volume
                and (at(volume, "emptyDir", "medium") != "Memory")
            ):
                yield Fault(
                    path=f"volumes[{index}].emptyDir.medium",
                    given=str(at(volume, "emptyDir", "medium") or ""),
                    what=f"{SHARED_MEMORY} lies on the node's disk",
                    allowed="Memory",
                )


@rule(
    "gpu-request-differs",
    Severity.ERROR,
    states="A container asks for as many GPUs as it is limited to.",
    reference=f"{KUBERNETES}, pkg/apis/core/validation: extended resources have equal requests and limits",
)
def _gpu_request_differs(pod: Pod) -> Iterator[Fault]:
    for path, container in pod.containers:
        limits = gpus(container)
        for name, asked in gpus(container, "requests").items():
            if "/" in name and asked != limits.get(name):
                yield Fault(
                    path=joined(path, "resources", "requests", name),
                    given=f"{asked:g}",
                    what="Kubernetes refuses another number than the limit",
                    allowed=f"{limits[name]:g}" if name in limits else "the same under limits",
                )


@rule(
    "secret-in-plain",
    Severity.WARNING,
    states="No secret stands in a manifest.",
    reference=f"{KUBERNETES}, docs/concepts/configuration/secret",
)
def _secret_in_plain(pod: Pod) -> Iterator[Fault]:
    for path, container in pod.containers:
        places = {str(entry.get("name")): index for index, entry in mappings(container, "env")}
        values = {str(entry.get("name")): entry.get("value") for _, entry in mappings(container, "env")}
        for name in secret_names(values):
            yield Fault(
                path=joined(path, "env", places[name], "value"),
                what=f"everyone who may read the manifest can read {name}",
                remedy="put it into a Secret, and use valueFrom.secretKeyRef",
            )


@rule(
    "probe-shorter-than-load",
    Severity.WARNING,
    states="No probe ends a pod before its engine can have started.",
    reference="vllm 0.29.0, vllm/envs.py: VLLM_ENGINE_READY_TIMEOUT_S, 600 s",
)
def _probe_shorter_than_load(pod: Pod) -> Iterator[Fault]:
    if pod.of_ray:
        # These watch Ray, which is there long before an engine is.
        return
    for path, container in pod.engines:
        key = "startupProbe" if "startupProbe" in container else "livenessProbe"
        probe = mapping(container, key)
        if not probe:
            continue
        budget = _budget(probe)
        if budget < LOAD_S:
            yield Fault(
                path=joined(path, key),
                given=f"{budget:g} s until the pod is ended",
                what=f"vLLM itself gives an engine {LOAD_S} s to start; this pod is ended before, and begins "
                "anew",
                remedy="raise failureThreshold of a startupProbe"
                + ("" if key == "startupProbe" else ", which holds the other probes back"),
            )


def _budget(probe: Mapping[str, Any]) -> float:
    """Seconds until a probe that never succeeds ends a container."""
    delay = number(probe.get("initialDelaySeconds")) or 0
    period = number(probe.get("periodSeconds")) or 10
    return delay + period * (number(probe.get("failureThreshold")) or 3)


pod_rules: tuple[Rule[Pod], ...] = (
    _shared_memory_missing,
    _gpu_request_differs,
    _secret_in_plain,
    _probe_shorter_than_load,
)
