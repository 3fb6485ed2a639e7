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
    text = document.node_at(SERVE_CONFIG)
    served = text if isinstance(text, yaml.ScalarNode) and isinstance(manifest.get("spec"), Mapping) else None
    faults: list[Spot] = []
    if served and not documents.is_small(cast("str", served.value)):
        faults = documents.parse(document.traced(served, SERVE_CONFIG)).faults
    yield from faults
    if faults:
        # The rest is judged as if nothing were served.
        manifest["spec"] = {**manifest["spec"], "serveConfigV2": ""}
    for finding in (*check_ray_service(manifest, engine=version), *served_findings(manifest, version)):
        if served and finding.code == "not-yaml":
            # It is known better where it is none.
            yield from documents.parse(document.traced(served, SERVE_CONFIG)).faults or [
                document.spot(finding)
            ]
        elif not (faults and finding.path.startswith(SERVE_CONFIG)):
            yield document.spot(finding)


def cluster_spots(document: Document, version: str) -> Iterator[Spot]:
    """What is wrong with the cluster of a RayCluster, RayJob or RayCronJob."""
    del version
    path = CLUSTERS[str(document.data["kind"])]
    cluster: Any = document.data
    for step in path.split("."):
        cluster = cast("Mapping[str, Any]", cluster).get(step) if isinstance(cluster, Mapping) else None
    if isinstance(cluster, Mapping):
        yield from map(document.spot, ray_cluster_findings(cast("Mapping[str, Any]", cluster), path))
