"""One model as somebody gives it to Ray Serve LLM: what rules on it ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference_stack.engine.document import at, mapping, mappings, number

from .deployment import Deployment

Bundle = Mapping[str, Any]
MOST_WORKERS = 4096
"""Ways in parallel that are taken at their word; nobody has more."""


@dataclass(frozen=True)
class ModelUse:
    """An LLMConfig as written."""

    config: Mapping[str, Any]
    reserves_ranks: bool = False
    """Whether the application that it stands in starts a replica for each data-parallel rank."""

    @cached_property
    def engine(self) -> Mapping[str, Any]:
        """Its engine_kwargs."""
        return mapping(self.config, "engine_kwargs")

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        """Environment variables of its processes."""
        return mapping(self.config, "runtime_env", "env_vars")

    @cached_property
    def deployment(self) -> Deployment:
        """How it is deployed."""
        return Deployment(mapping(self.config, "deployment_config"), serves_model=True)

    @property
    def source(self) -> str:
        """Where its weights come from: a Hub id, a folder or a URI; empty where it cannot be read."""
        loading = mapping(self.config, "model_loading_config")
        source = at(loading, "model_source", "bucket_uri") or loading.get("model_source")
        return next((found for found in (source, loading.get("model_id")) if isinstance(found, str)), "")

    @cached_property
    def workers(self) -> int:
        """Processes of the engine, each with a GPU: tensor times pipeline parallel."""
        sizes = (self.engine.get(f"{way}_parallel_size", 1) for way in ("tensor", "pipeline"))
        whole = (size for size in sizes if isinstance(size, int) and not isinstance(size, bool))
        # Every one has a bundle: a slip of the keyboard must not ask for more of them than memory holds.
        found = [size for size in whole if 0 < size <= MOST_WORKERS]
        return found[0] * found[1] if len(found) == 2 else 1

    @cached_property
    def bundles(self) -> tuple[Bundle, ...]:
        """What each worker takes from a Ray node, as written or as Ray has it where nothing is."""
        placed = mapping(self.config, "placement_group_config")
        if "bundle_per_worker" in placed:
            return (mapping(placed, "bundle_per_worker"),) * self.workers
        if "bundles" in placed:
            return tuple(bundle for _, bundle in mappings(placed, "bundles"))
        return ({"CPU" if self.kind == "cpu" else "GPU": 1},) * self.workers

    @cached_property
    def kind(self) -> str:
        """Hardware that Ray takes it to run on: gpu, tpu or cpu."""
        if isinstance(given := at(self.config, "accelerator_config", "kind"), str):
            return given
        placed = mapping(self.config, "placement_group_config")
        if placed:
            bundles = [
                mapping(placed, "bundle_per_worker"),
                *(found for _, found in mappings(placed, "bundles")),
            ]
            for kind in ("TPU", "GPU"):
                if any((number(bundle.get(kind)) or 0) > 0 for bundle in bundles):
                    return kind.lower()
            return "cpu"
        return "tpu" if str(self.config.get("accelerator_type")).startswith("TPU") else "gpu"

    @cached_property
    def replica(self) -> Mapping[str, float]:
        """What the replica's own process takes from a Ray node; it lies with the first worker."""
        options = mapping(self.deployment.options, "ray_actor_options")
        amounts = {"CPU": options.get("num_cpus", 1), "GPU": options.get("num_gpus", 0)}
        amounts |= mapping(options, "resources")
        return {name: amount for name, given in amounts.items() if (amount := number(given))}
