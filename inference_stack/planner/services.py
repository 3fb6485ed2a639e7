"""Which models make a RayService: what upgrades, scales and goes away together."""

from collections.abc import Iterable
from typing import NamedTuple

from .choice.nodes import QUARTERS, fill
from .plan import PlannedModel, Strategy


class Service(NamedTuple):
    """A RayService, with one Ray cluster of its own."""

    name: str
    models: tuple[PlannedModel, ...]

    @property
    def shares_gpus(self) -> bool:
        """Whether its replicas take parts of GPUs."""
        return self.models[0].share < 1

    @property
    def upgrade(self) -> Strategy:
        """How KubeRay takes over a change of its pods: as all of its models can."""
        return "None" if any(model.upgrade == "None" for model in self.models) else "NewCluster"


def services(models: Iterable[PlannedModel]) -> tuple[Service, ...]:
    """Every model by itself, and those that share GPUs of a pool together.

    Kubernetes gives a GPU to one pod, and a pod belongs to one Ray cluster: only models of one service can be
    on it. It is called after its pool, also with one model, so that another one joins it in place.
    """
    found: dict[str, tuple[PlannedModel, ...]] = {}
    for model in models:
        name = f"{model.pool}-shared" if model.share < 1 else model.name
        found[name] = (*found.get(name, ()), model)
    return tuple(Service(name, together) for name, together in found.items())


def service_of(name: str, models: Iterable[PlannedModel]) -> Service:
    """The service that a model is served by; raises LookupError where no model is called so."""
    for service in services(models):
        if any(model.name == name for model in service.models):
            return service
    raise LookupError(name)


def gpus_shared(replicas: Iterable[tuple[PlannedModel, int]]) -> int:
    """GPUs that so many replicas of models that share them fill."""
    load: dict[int, int] = {}
    for model, count in replicas:
        size = round(model.share * QUARTERS)
        load[size] = load.get(size, 0) + count
    return len(fill(load, 1))
