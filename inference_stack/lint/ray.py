"""Manifests of the KubeRay operator."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from inference_stack.engine import check_ray_service, ray_cluster_findings
from inference_stack.planner.served import served_findings

from . import documents
from .documents import Document
from .source import Spot

SET_BY_THE_SERVER = frozenset(
    (
        *(
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "generateName",
            "generation",
        ),
        *("managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"),
    )
)
"""Metadata that a manifest holds which was read back from a cluster."""

CLUSTERS = {
    "RayCluster": "spec",
    "RayJob": "spec.rayClusterSpec",
    "RayCronJob": "spec.jobTemplate.rayClusterSpec",
}
"""Where the cluster lies in kinds other than RayService."""

SERVE_CONFIG = "spec.serveConfigV2"


def service_spots(document: Document, version: str) -> Iterator[Spot]:
    """What is wrong with a RayService, as somebody wrote it or as a cluster gave it back."""
    manifest = {key: value for key, value in document.data.items() if key != "status"}
    metadata = manifest.get("metadata")
    if isinstance(metadata, Mapping):
        given = cast("Mapping[str, Any]", metadata)
        manifest["metadata"] = {key: value for key, value in given.items() if key not in SET_BY_THE_SERVER}
    unreadable = _unreadable(document)
    yield from unreadable
    if unreadable:
        # The rest is judged as if nothing were served.
        manifest["spec"] = {**manifest["spec"], "serveConfigV2": ""}
    for finding in check_ray_service(manifest, engine=version):
        if not (unreadable and finding.path.startswith(SERVE_CONFIG)):
            yield document.spot(finding)
    yield from map(document.spot, served_findings(manifest, version))


def cluster_spots(document: Document, version: str) -> Iterator[Spot]:
    """What is wrong with the cluster of a RayCluster, RayJob or RayCronJob."""
    del version
    path = CLUSTERS[str(document.data["kind"])]
    cluster: Any = document.data
    for step in path.split("."):
        cluster = cast("Mapping[str, Any]", cluster).get(step) if isinstance(cluster, Mapping) else None
    if isinstance(cluster, Mapping):
        yield from map(document.spot, ray_cluster_findings(cast("Mapping[str, Any]", cluster), path))


def _unreadable(document: Document) -> list[Spot]:
    """What keeps the Serve configuration of a service from being read, each where it stands."""
    node = document.node_at(SERVE_CONFIG)
    if not isinstance(node, yaml.ScalarNode):
        return []
    if documents.is_readable(cast("str", node.value)):
        return []
    # Its places in the file are worked out only where they are wanted.
    return documents.parse(document.traced(node, SERVE_CONFIG)).faults
