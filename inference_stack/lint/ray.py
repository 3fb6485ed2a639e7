"""Ray's own documents: manifests of the KubeRay operator, Serve configurations, models of Ray Serve LLM."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from inference_stack.engine import check_ray_service
from inference_stack.engine.applications import OPENAI_APP
from inference_stack.spec import Finding
from inference_stack.spec.libyaml import DUMPER

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
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayCronJob": ("spec", "jobTemplate", "rayClusterSpec"),
}
"""Where the cluster lies in kinds other than RayService."""

IN_TEXT = "spec.serveConfigV2"
IN_APPLICATION = "applications[0].args.llm_configs[0]"
IN_SERVICE = "spec.rayClusterConfig"


def service_findings(manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a RayService, as somebody wrote it or as a cluster gave it back."""
    kept = {key: value for key, value in manifest.items() if key != "status"}
    metadata = kept.get("metadata")
    if isinstance(metadata, Mapping):
        given = cast("Mapping[str, Any]", metadata)
        kept["metadata"] = {key: value for key, value in given.items() if key not in SET_BY_THE_SERVER}
    yield from check_ray_service(kept)


def cluster_findings(manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the cluster of a RayCluster, RayJob or RayCronJob."""
    steps = CLUSTERS[str(manifest["kind"])]
    cluster: Any = manifest
    for step in steps:
        cluster = cast("Mapping[str, Any]", cluster).get(step) if isinstance(cluster, Mapping) else None
    if not isinstance(cluster, Mapping):
        return
    service: dict[str, Any] = {
        "apiVersion": manifest.get("apiVersion"),
        "kind": "RayService",
        "metadata": {"name": "cluster"},
        "spec": {"rayClusterConfig": cast("Any", cluster)},
    }
    for finding in check_ray_service(service):
        if finding.path == "apiVersion":
            yield finding
        elif finding.path.startswith(IN_SERVICE):
            yield finding.at(".".join(steps) + finding.path.removeprefix(IN_SERVICE))


def serve_config_findings(config: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a file for `serve deploy`."""
    text = yaml.dump(config, Dumper=DUMPER)
    for finding in check_ray_service({"spec": {"serveConfigV2": text}}):
        if finding.path.startswith(IN_TEXT):
            yield finding.at(finding.path.removeprefix(IN_TEXT).removeprefix("."))


def model_findings(model: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with one model of Ray Serve LLM."""
    application = {"name": "llm", "import_path": OPENAI_APP, "args": {"llm_configs": [model]}}
    for finding in serve_config_findings({"applications": [application]}):
        if finding.path.startswith(IN_APPLICATION):
            yield finding.at(finding.path.removeprefix(IN_APPLICATION).removeprefix("."))
