"""Which models a RayService serves."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from inference_stack.engine import LICENCE_ANNOTATION, SIDES
from inference_stack.engine.document import loaded, mapping, mappings
from policies.seen import Seen


class Served(NamedTuple):
    """A model that a service loads."""

    source: str
    """Hub id or cloud folder of the weights."""
    claims: tuple[str | None, ...]
    """Licences that the service names, one or none for each of its models: weights that the catalog does not
    know have one of these."""
    config: Mapping[str, Any]
    """Its LLMConfig."""


def served(service: Seen) -> Iterator[Served]:
    """The models of a RayService; what names no source is loaded by its id.

    What cannot be read is passed over here: `engine-arguments-valid` tells it.
    """
    claimed = service.get("metadata", {}).get("annotations", {}).get(LICENCE_ANNOTATION)
    claims = tuple(claimed.split(",")) if claimed else (None,)
    try:
        document = loaded(str(service.get("spec.serveConfigV2", "")))
    except ValueError:
        return
    for _, application in mappings(document, "applications"):
        arguments = mapping(application, "args")
        configs = [config for _, config in mappings(arguments, "llm_configs")]
        for config in (*configs, *(mapping(arguments, side) for side in SIDES if side in arguments)):
            loading = mapping(config, "model_loading_config")
            source: Any = loading.get("model_source") or loading.get("model_id")
            if source:
                yield Served(
                    source if isinstance(source, str) else str(source.get("bucket_uri")), claims, config
                )
