"""What the API server says to a RayService by the definition that KubeRay ships."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from serving.pinned_schemas import kuberay_crd

_definition = cache(kuberay_crd)


def refused_by_the_definition(manifest: dict[str, Any]) -> list[str]:
    """Paths of what the definition refuses in a manifest, once the server has filled in defaults."""
    found = Draft202012Validator(_definition()).iter_errors(with_defaults(manifest, _definition()))
    return [error.json_path for error in found]


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """What the API server makes of a value before it validates it."""
    if isinstance(value, list):
        return [with_defaults(each, schema.get("items", {})) for each in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = {name: child["default"] for name, child in properties.items() if "default" in child} | value
    return {name: with_defaults(each, properties.get(name, {})) for name, each in filled.items()}
