"""The engines that a RayService starts, and what is known of the cards that they get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .document import at, loaded, mapping
from .rules.ray_service import SERVE_CONFIG, ServiceUse
from .rules.serve import ServeUse
from .rules.service_placement import resource_of
from .schema import joined


@dataclass(frozen=True)
class Served:
    """One engine of a service."""

    path: str
    """Of its engine_kwargs in the manifest."""
    source: str
    """Where its weights come from."""
    arguments: Mapping[str, Any]
    accelerator_type: str | None
    """Ray's type of its card; None where nobody says."""
    resource: str | None
    """Kubernetes' resource of a card or slice; None where it may be one or another."""


def served(manifest: Mapping[str, Any]) -> Iterator[Served]:
    """The engines on GPUs of a RayService; none where its Serve configuration cannot be read."""
    text = at(manifest, "spec", "serveConfigV2")
    try:
        config = loaded(text) if isinstance(text, str) else None
    except ValueError:
        return
    use = ServiceUse(manifest, ServeUse(mapping(config)))
    for path, model in use.serve.models:
        named = model.config.get("accelerator_type")
        if model.kind == "gpu":
            yield Served(
                path=joined(SERVE_CONFIG, path, "engine_kwargs"),
                source=model.source,
                arguments=model.engine,
                accelerator_type=named if isinstance(named, str) else None,
                resource=resource_of(use, model),
            )
