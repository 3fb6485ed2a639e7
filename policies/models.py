"""Which models a RayService serves."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from inference_stack.engine import LICENCE_ANNOTATION, SIDES
from policies.seen import Seen


class Served(NamedTuple):
    """A model that a service loads."""

    source: str
    """Hub id or cloud folder of the weights."""
    claimed: str | None
    """Licence that the service names, for weights that the catalog does not know."""
    config: Mapping[str, Any]
    """Its LLMConfig."""


def served(service: Seen) -> Iterator[Served]:
    """The models of a RayService; what names no source is loaded by its id."""
    claimed = service.get("metadata", {}).get("annotations", {}).get(LICENCE_ANNOTATION)
    applications: list[dict[str, Any]] = yaml.safe_load(service.props["spec"]["serveConfigV2"])[
        "applications"
    ]
    for application in applications:
        arguments: dict[str, Any] = application.get("args") or {}
        sides = [arguments[side] for side in SIDES if side in arguments]
        for config in (*arguments.get("llm_configs", ()), *sides):
            loading: dict[str, Any] = config["model_loading_config"]
            source: Any = loading.get("model_source") or loading["model_id"]
            yield Served(source if isinstance(source, str) else source["bucket_uri"], claimed, config)
