"""One engine as a source has it: what an environment can ask for, and the path of each thing there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .keys import Keys


@dataclass(frozen=True)
class Hardware:
    """What a source says of the GPUs, by the path at which it says it."""

    gpu: tuple[str, str] | None = None
    """Path, and a name that Ray, NVIDIA or a cloud has for the card: H100, A100-80G."""
    sku: tuple[str, str] | None = None
    """Path, and an Azure size."""
    slice: tuple[str, str] | None = None
    """Path, and NVIDIA's name of a MIG profile: 3g.47gb."""


@dataclass
class Served:
    """One engine. What is None or empty, the source does not say."""

    keys: Keys
    """All keys of what it stands in."""
    name: tuple[str, str] | None = None
    """Path, and what clients put into `model`."""
    source: tuple[str, str] | None = None
    """Path, and the checkpoint: a hub's id, a folder, a URI."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """vLLM's, by Python name."""
    places: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path of each of them."""
    said: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Paths of what some keys of a model say, by that key; of all of the model, by none."""
    replicas: tuple[int, int] | None = None
    limit: tuple[str, int] | None = None
    """Path, and the requests that one replica may have at once."""
    adapters_held: tuple[str, int] | None = None
    """Path, and how many adapters a replica keeps; the source does not name them."""
    adapters: tuple[str, ...] = ()
    """Names of adapters, where it does."""
    routing: Literal["balanced", "prefix"] = "balanced"
    upgrade: Literal["NewCluster", "None"] | None = None
    prefill: "Served | None" = None
    """The side that reads prompts, of a model that is disaggregated."""
    hardware: Hardware = field(default_factory=Hardware)

    @property
    def units(self) -> int:
        """GPUs or slices of one stage of a replica."""
        return _whole(self.arguments.get("tensor_parallel_size")) or 1

    @property
    def stages(self) -> int:
        """Pipeline stages of a replica."""
        return _whole(self.arguments.get("pipeline_parallel_size")) or 1


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
