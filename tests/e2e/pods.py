"""Pods, asked for anew of the API server that runs them, and some that no namespace of ours should take."""

from collections.abc import Iterator
from typing import Any

from lightkube.resources.core_v1 import Namespace, Pod

from inference_stack.engine import NETWORK_LABEL
from tests.e2e.manifests import ApiServer, Manifest

ENFORCE = "pod-security.kubernetes.io/enforce"


def enforcing(server: ApiServer) -> Iterator[str]:
    """Names of the namespaces that take only some pods."""
    for found in server.client.list(Namespace):
        assert found.metadata
        if ENFORCE in (found.metadata.labels or {}):
            yield str(found.metadata.name)


def pods_of(server: ApiServer, namespace: str) -> Iterator[tuple[str, Manifest]]:
    """The pods of a namespace, to be asked for anew: one of each kind, by what it is of."""
    found: dict[str, Manifest] = {}
    for pod in server.client.list(Pod, namespace=namespace):
        assert pod.metadata
        assert pod.spec
        labels = pod.metadata.labels or {}
        what = (
            f"{labels[NETWORK_LABEL]}/{labels['ray.io/group']}"
            if "ray.io/group" in labels
            else labels.get("app.kubernetes.io/component")
            or labels.get("control-plane")
            or labels["app.kubernetes.io/name"]
        )
        spec = {name: value for name, value in pod.spec.to_dict().items() if name != "nodeName"}
        found[what] = made(namespace, spec, labels)
    yield from found.items()


def made(namespace: str, spec: dict[str, Any], labels: dict[str, str] | None = None) -> Manifest:
    """A pod of its own."""
    metadata = {"name": "asked-anew", "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def restricted(namespace: str) -> Manifest:
    """A pod without any privilege."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    outer = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "own", "image": "acme.azurecr.io/own:1", "securityContext": security}
    return made(namespace, {"containers": [container], "securityContext": outer})


def owning(namespace: str) -> Iterator[tuple[str, Manifest]]:
    """Pods that could own their node, by what would be said of them."""
    for said, change in (
        ("privileged", lambda spec: spec["containers"][0].update(securityContext={"privileged": True})),
        ("hostPath", lambda spec: spec.update(volumes=[{"name": "node", "hostPath": {"path": "/"}}])),
        ("host namespaces", lambda spec: spec.update(hostNetwork=True)),
        ("runAsUser=0", lambda spec: spec["securityContext"].update(runAsUser=0)),
        (
            "unrestricted capabilities",
            lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"),
        ),
    ):
        pod = restricted(namespace)
        change(pod["spec"])
        yield said, pod
