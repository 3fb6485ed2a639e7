"""What KubeRay, Ray and vLLM would refuse or misread in a RayService, said before any of them sees it.

A first preview has no cluster to ask, and what Ray Serve does not know it ignores in silence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from inference_stack.spec import Finding
from inference_stack.spec.libyaml import LOADER

from . import versions
from .applications import OPENAI_APP, PD_APP, SIDES
from .arguments import engine_version
from .schema import joined, near, schema_findings

SERVE_CONFIG = "spec.serveConfigV2"
NAME_LIMIT = 47
"""Characters of a RayService's name: KubeRay appends six, and wants at most 53 for the cluster."""
NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

SET_BY_RAY = {
    "model": "model_loading_config.model_source",
    "served_model_name": "model_loading_config.model_id",
}
"""Engine arguments that Ray Serve LLM refuses in engine_kwargs, and where it takes them from instead."""

UPGRADES = ("NewCluster", "NewClusterWithIncrementalUpgrade", "None")
"""What KubeRay may do with a change of a service's pods."""

RESOURCE_PARAMETERS = frozenset(("num-cpus", "num-gpus", "memory", "resources"))
"""Parameters of `ray start` that say what a node offers."""

STREAMED = ("runai_streamer", "runai_streamer_sharded", "tensorizer")
"""Values of load_format for which Ray leaves the weights where they are, and lets vLLM read them there."""


def check_ray_service(manifest: Mapping[str, Any]) -> list[Finding]:
    """Everything that is wrong with a RayService manifest and with the Serve configuration inside it.

    Empty for a manifest that the pinned KubeRay, Ray and vLLM accept as far as structure and names go;
    whether a model fits, or two arguments go together, is not judged here.
    """
    findings = schema_findings(
        manifest, f"kuberay-{versions.KUBERAY}", "RayService", whose=f"KubeRay {versions.KUBERAY}"
    )
    if findings:
        # What follows reads the manifest by its structure.
        text = _at(manifest, "spec", "serveConfigV2")
    else:
        text = manifest["spec"].get("serveConfigV2")
        findings += _operator_findings(manifest)
    if isinstance(text, str):
        findings += _serve_config_findings(text)
    return findings


def _at(document: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(document, Mapping):
            return None
        document = cast("Mapping[str, object]", document).get(key)
    return document


def _operator_findings(manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """What the operator refuses beyond its schema; it would say so only in an event."""
    name = manifest["metadata"].get("name", "")
    if len(name) > NAME_LIMIT or not NAME_PATTERN.fullmatch(name):
        yield Finding(
            code="service-name",
            path="metadata.name",
            given=name,
            what="KubeRay refuses this name",
            allowed=f"at most {NAME_LIMIT} characters of a-z, 0-9 and -, beginning with a letter",
        )
    upgrade = _at(manifest, "spec", "upgradeStrategy", "type")
    if upgrade not in (None, *UPGRADES):
        yield Finding(
            code="value-not-allowed",
            path="spec.upgradeStrategy.type",
            given=str(upgrade),
            what="KubeRay knows no such upgrade",
            allowed=", ".join(UPGRADES),
        )
    for index, group in enumerate(manifest["spec"]["rayClusterConfig"].get("workerGroupSpecs", ())):
        yield from _group_findings(group, f"spec.rayClusterConfig.workerGroupSpecs[{index}]")


def _group_findings(group: Mapping[str, Any], path: str) -> Iterator[Finding]:
    fewest, most = group.get("minReplicas", 0), group.get("maxReplicas", 2**31 - 1)
    if not 0 <= fewest <= most:
        yield Finding(
            code="replica-bounds",
            path=joined(path, "minReplicas"),
            given=str(fewest),
            what="KubeRay refuses these bounds",
            allowed=f"0 to maxReplicas, {most}",
        )
    parameters = group.get("rayStartParams", {})
    for key in sorted(RESOURCE_PARAMETERS & set(parameters)) if group.get("resources") else ():
        yield Finding(
            code="value-not-allowed",
            path=joined(path, "rayStartParams", key),
            given=str(parameters[key]),
            what="KubeRay takes resources from one place only, and this group has `resources`",
            remedy="say it there",
        )


def _serve_config_findings(text: str) -> list[Finding]:
    try:
        config = yaml.load(text, LOADER)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        return [Finding(code="not-yaml", path=SERVE_CONFIG, what=f"not YAML: {error}")]
    schema = f"ray-{versions.RAY}"
    findings = schema_findings(
        config, schema, "ServeDeploySchema", whose=f"Ray Serve {versions.RAY}", path=SERVE_CONFIG
    )
    for path, application in _listed(config, SERVE_CONFIG, "applications"):
        path, arguments = joined(path, "args"), application.get("args", {})
        match application.get("import_path"):
            case str(name) if name == OPENAI_APP:
                root, models = "LLMServingArgs", _listed(arguments, path, "llm_configs")
            case str(name) if name == PD_APP:
                root, models = "PDServingArgs", _sides(arguments, path)
                findings += _agreement_findings(arguments, path)
            case _:
                continue
        findings += schema_findings(arguments, schema, root, whose=f"Ray Serve LLM {versions.RAY}", path=path)
        for place, model in models:
            findings += _model_findings(model, place)
    return findings


def _listed(document: object, path: str, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The mappings in a list of a document, each with its path; the schema has told of what is none."""
    found = _at(document, key)
    for index, entry in enumerate(cast("list[object]", found) if isinstance(found, list) else ()):
        if isinstance(entry, Mapping):
            yield joined(path, key, index), cast("Mapping[str, Any]", entry)


def _sides(arguments: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for side in SIDES:
        found = _at(arguments, side)
        if isinstance(found, Mapping):
            yield joined(path, side), cast("Mapping[str, Any]", found)


AGREED = (
    ("model_loading_config", "model_id"),
    ("lora_config", "dynamic_lora_loading_path"),
    ("engine_kwargs", "kv_transfer_config", "kv_connector"),
)
"""What must be the same on both sides: Ray refuses the first two, and the third never hands over a cache."""


def _agreement_findings(arguments: object, path: str) -> Iterator[Finding]:
    """What Ray wants of the two sides beyond the schema of each."""
    for place, model in _sides(arguments, path):
        if not _at(model, "engine_kwargs", "kv_transfer_config"):
            yield Finding(
                code="missing-key",
                path=joined(place, "engine_kwargs", "kv_transfer_config"),
                what=f"Ray Serve LLM {versions.RAY} needs this key",
            )
    for keys in AGREED:
        reading, writing = (_at(arguments, side, *keys) for side in SIDES)
        if reading != writing:
            yield Finding(
                code="prefill-decode-differ",
                path=joined(path, SIDES[0], *keys),
                given=str(reading),
                what="prompts are read otherwise than answers are written",
                allowed=f"what decode_config says: {writing}",
            )


def _model_findings(model: Mapping[str, Any], path: str) -> Iterator[Finding]:
    yield from _engine_findings(model.get("engine_kwargs"), joined(path, "engine_kwargs"))
    source = _at(model, "model_loading_config", "model_source")
    uri = str(_at(source, "bucket_uri") or source)
    load_format = _at(model, "engine_kwargs", "load_format")
    if load_format in STREAMED and uri.startswith(("abfss://", "azure://")):
        yield Finding(
            code="value-not-allowed",
            path=joined(path, "engine_kwargs", "load_format"),
            given=str(load_format),
            what=f"vLLM {versions.VLLM} streams no weights from {uri}: it takes the address for a Hub id",
            remedy="leave it out: Ray copies the weights to the node first",
        )


def _engine_findings(arguments: object, path: str) -> Iterator[Finding]:
    known = engine_version(versions.VLLM).arguments
    for name, value in (
        cast("Mapping[str, object]", arguments).items() if isinstance(arguments, Mapping) else ()
    ):
        if name == "distributed_executor_backend" and value != "ray":
            yield Finding(
                code="engine-argument-set-by-ray",
                path=joined(path, name),
                given=str(value),
                what="Ray Serve LLM takes no executor but its own on GPUs",
                remedy="leave it out",
            )
        elif name in SET_BY_RAY:
            yield Finding(
                code="engine-argument-set-by-ray",
                path=joined(path, name),
                given=str(value),
                what="Ray Serve LLM refuses this argument here",
                remedy=f"set {SET_BY_RAY[name]}",
            )
        elif name not in known:
            yield Finding(
                code="unknown-engine-argument",
                path=joined(path, name),
                given=str(value),
                what=f"vLLM {versions.VLLM} has no argument of this name",
                allowed=near(name, known),
            )
