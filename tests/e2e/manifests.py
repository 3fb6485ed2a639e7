"""The Kubernetes resources of a stack, held against the API server that they are for."""

import base64
import json
import ssl
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Event

from localcloud.stack import Stack
from tests.cluster.live import RayService

Manifest = dict[str, Any]
_SEALED = "4dabf18193072939515e22adb298388d"
"""Key by which Pulumi marks a secret in its state."""


class Deployed(NamedTuple):
    """A resource of the state."""

    provider: str
    """URN of its Kubernetes provider."""
    manifest: Manifest


def deployed(stack: Stack) -> list[Deployed]:
    """Every Kubernetes object of a stack's state, as it was sent; Helm releases are none."""
    (checkpoint,) = (stack.state / "pulumi").rglob(f"stacks/*/{stack.environment}.json")
    resources = json.loads(checkpoint.read_text())["checkpoint"]["latest"]["resources"]
    found = [
        Deployed(resource["provider"].rpartition("::")[0], resource["inputs"])
        for resource in resources
        if resource["type"].startswith("kubernetes:") and "kind" in resource["inputs"]
    ]
    assert not any(_SEALED in json.dumps(one.manifest) for one in found)
    return found


class ApiServer:
    """A real API server, asked as whoever holds its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        found = KubeConfig.from_file(kubeconfig)
        self.client = Client(found, trust_env=False)
        config = found.get()
        assert config
        assert config.user
        authority = base64.b64decode(str(config.cluster.certificate_auth_data)).decode()
        self._http = httpx2.Client(
            base_url=config.cluster.server,
            verify=ssl.create_default_context(cadata=authority),
            headers={"Authorization": f"Bearer {config.user.token}"},
            trust_env=False,
            timeout=60,
        )
        self._resources: dict[str, dict[str, str]] = {}

    def refusal(self, manifest: Manifest) -> str | None:
        """What is wrong with a manifest, by a server-side dry run with strict validation of fields."""
        path = self._path(manifest)
        if path is None:
            return f"{manifest['apiVersion']} {manifest['kind']} is not known here"
        answer = self._http.patch(
            path,
            params={"dryRun": "All", "fieldManager": "test", "force": "true", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(manifest),
        )
        return None if answer.is_success else answer.json()["message"]

    def services(self) -> Iterator[Manifest]:
        """Every RayService."""
        for found in self.client.list(RayService, namespace="*"):
            assert found.metadata
            metadata = {"name": found.metadata.name, "namespace": found.metadata.namespace}
            yield {"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": metadata, "spec": found.spec}

    def said_of(self, manifest: Manifest, reason: str) -> list[str]:
        """Messages of events about an object."""
        about = manifest["metadata"]
        return [
            event.message or ""
            for event in self.client.list(Event, namespace=about["namespace"], fields={"reason": reason})
            if event.involvedObject.name == about["name"]
        ]

    def _path(self, manifest: Manifest) -> str | None:
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if version not in self._resources:
            answer = self._http.get(root)
            served = answer.json()["resources"] if answer.is_success else []
            self._resources[version] = dict(_scopes(root, served))
        path = self._resources[version].get(manifest["kind"])
        return path and path.format(**metadata)


def refusals(resources: Iterable[Deployed], servers: Sequence[ApiServer]) -> list[str]:
    """What is wrong with resources, those of one provider all on the server that takes most of them."""
    told: list[str] = []
    for _, own in groupby(sorted(resources, key=lambda one: one.provider), key=lambda one: one.provider):
        manifests = [one.manifest for one in own]
        asked = ([server.refusal(manifest) for manifest in manifests] for server in servers)
        found = ([answer for answer in answers if answer] for answers in asked)
        told += min(found, key=len)
    return told


def wrong_to_operator(server: ApiServer) -> list[str]:
    """What KubeRay's operator, which judges when it reconciles, finds wrong with any RayService."""
    reasons = ("InvalidRayServiceSpec", "InvalidRayServiceMetadata")
    return [
        said
        for service in server.services()
        for reason in reasons
        for said in server.said_of(service, reason)
    ]


def _scopes(root: str, served: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """By kind, the path of an object with its namespace and name left open."""
    for one in served:
        if "/" not in one["name"]:
            scope = "/namespaces/{namespace}" if one["namespaced"] else ""
            yield one["kind"], f"{root}{scope}/{one['name']}/{{name}}"
