"""Which kind of document something is, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from inference_stack.engine import llm_config_findings, serve_config_findings, versions
from inference_stack.engine.command_line import is_option_file, option_file_findings
from inference_stack.engine.schema import joined
from inference_stack.spec.lines import CONFIG_KEY

from . import ray
from .containers import compose_spots, pod_spots
from .documents import Document, items
from .environment import environment_spots
from .source import ReadText, Spot


def document_spots(document: Document, file: str, version: str, read_text: ReadText) -> Iterator[Spot]:
    """What is wrong with a document, whatever it is; nothing with one that has nothing to do with engines."""
    data = document.data
    if isinstance(data, list):
        yield from _each(document, "", file, version, read_text)
    if not isinstance(data, Mapping):
        return
    given = cast("Mapping[str, Any]", data)
    kind = given.get("kind")
    if kind == "List" or (isinstance(kind, str) and kind.endswith("List") and "items" in given):
        yield from _each(document, "items", file, version, read_text)
        return
    if is_environment(given):
        yield from environment_spots(document, file)
    elif is_ray(given, "RayService"):
        yield from ray.service_spots(document, version)
    elif is_ray(given, *ray.CLUSTERS):
        yield from ray.cluster_spots(document, version)
    elif kind == "ConfigMap":
        yield from _texts(document, "data", read_text)
    elif is_serve_config(given):
        yield from map(document.spot, serve_config_findings(given, engine=version))
    elif "model_loading_config" in given:
        yield from map(document.spot, llm_config_findings(given, engine=version))
    elif isinstance(given.get("llm_configs"), list):
        yield from _each(document, "llm_configs", file, version, read_text)
    elif isinstance(given.get("services"), Mapping):
        yield from compose_spots(document, version)
    elif is_option_file(version, given):
        yield from map(document.spot, option_file_findings(version, given))
    if "vllm" in document.text.value:
        yield from pod_spots(document, version)
        yield from _texts(document, "spec", read_text, only=("entrypoint",))


def is_known(data: Any) -> bool:
    """Whether a document is of a kind that is read, rather than one that nothing is known of."""
    if isinstance(data, list):
        return any(is_known(each) for each in cast("list[Any]", data))
    if not isinstance(data, Mapping):
        return False
    given = cast("Mapping[str, Any]", data)
    return (
        "kind" in given
        or "model_loading_config" in given
        or is_environment(given)
        or is_serve_config(given)
        or isinstance(given.get("llm_configs"), list)
        or isinstance(given.get("services"), Mapping)
        or is_option_file(versions.VLLM, given)
    )


def is_environment(given: Mapping[str, Any]) -> bool:
    """Whether a document is an environment of ours."""
    config = given.get("config")
    return isinstance(config, Mapping) and CONFIG_KEY in config


def is_ray(given: Mapping[str, Any], *kinds: str) -> bool:
    """Whether a document is a manifest of KubeRay's of one of these kinds."""
    return given.get("kind") in kinds and str(given.get("apiVersion", "")).startswith("ray.io/")


def is_serve_config(given: Mapping[str, Any]) -> bool:
    """Whether a document is a file for `serve deploy`."""
    applications = given.get("applications")
    return isinstance(applications, list) and any(
        isinstance(each, Mapping) and "import_path" in each for each in cast("list[Any]", applications)
    )


def _each(document: Document, path: str, file: str, version: str, read_text: ReadText) -> Iterator[Spot]:
    """What is wrong with the entries of a list, each a document of its own."""
    data: Any = document.data if not path else document.data[path]
    node = document.node_at(path)
    nodes = items(node) if node is not None else []
    entries = cast("list[Any]", data) if isinstance(data, list) else []
    for index, (below, entry) in enumerate(zip(nodes, entries, strict=False)):
        inner = document.below(below, entry, joined(path, index) if path else f"[{index}]")
        yield from document_spots(inner, file, version, read_text)


def _texts(
    document: Document, path: str, read_text: ReadText, only: tuple[str, ...] | None = None
) -> Iterator[Spot]:
    """What is wrong with texts that a manifest holds, each a file of its own."""
    held = cast("Mapping[str, Any]", document.data).get(path)
    for key, value in cast("Mapping[str, Any]", held).items() if isinstance(held, Mapping) else ():
        if isinstance(value, str) and (only is None or key in only):
            place = joined(path, str(key))
            node = document.node_at(place)
            if isinstance(node, yaml.ScalarNode):
                yield from read_text(document.traced(node, place), str(key))
