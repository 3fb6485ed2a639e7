"""Whether a pod fits a machine, by the rules of kube-scheduler that node pools differ in.

Taken into account: resources, taints, node selector and required node affinity. Left out: volumes, host
ports, affinity between pods and topology spread.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lightkube.models.core_v1 import (
    Container,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodSpec,
    Toleration,
)
from lightkube.utils.quantity import parse_quantity
from pydantic import BaseModel, ConfigDict

from localcloud.cluster.pool import Taint

Amounts = Mapping[str, Decimal]
"""Amounts of resources, in their base unit (cores, bytes, devices)."""


class Machine(BaseModel):
    """A node as the scheduler sees it: what it is, and what is free on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    free: Amounts

    def holding(self, taken: Amounts) -> "Machine":
        """The machine with this much less free."""
        left = {name: amount - taken.get(name, Decimal(0)) for name, amount in self.free.items()}
        return self.model_copy(update={"free": left})


def parse_amount(quantity: str) -> Decimal | None:
    """A Kubernetes quantity as a number; None for text that is none."""
    try:
        return parse_quantity(quantity)
    except ValueError:
        return None


def amounts(quantities: Mapping[str, Any] | None) -> dict[str, Decimal]:
    """Kubernetes quantities, as the API server has accepted them, as numbers."""
    return {
        name: parse_quantity(str(quantity)) or Decimal(0) for name, quantity in (quantities or {}).items()
    }


def total(parts: Iterable[Amounts]) -> dict[str, Decimal]:
    """The sum of amounts, by resource."""
    added: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            added[name] = added.get(name, Decimal(0)) + amount
    return added


def requests(spec: PodSpec) -> dict[str, Decimal]:
    """What a pod asks of a node, its place among the node's pods included.

    As the scheduler counts: containers and restartable init containers together, or a plain init container
    with the restartable ones before it, whichever is most; then the overhead of the runtime class.
    """
    lasting: list[Amounts] = []
    stages: list[Amounts] = []
    for container in spec.initContainers or []:
        if container.restartPolicy == "Always":
            lasting.append(_asked(container))
        else:
            stages.append(total([*lasting, _asked(container)]))
    stages.append(total([*lasting, *(_asked(container) for container in spec.containers)]))
    peak = {name: max(stage.get(name, Decimal(0)) for stage in stages) for name in set().union(*stages)}
    return total([peak, amounts(spec.overhead), {"pods": Decimal(1)}])


def obstacles(spec: PodSpec, machine: Machine) -> list[str]:
    """Why a pod does not fit a machine, in kube-scheduler's words; empty if it fits.

    Like the scheduler, it stops at the first kind of obstacle: taints, then affinity, then resources.
    """
    if repelling := untolerated(spec.tolerations or [], machine.taints):
        return [f"node(s) had untolerated taint {{{repelling.key}: {repelling.value}}}"]
    if not selects(spec, machine):
        return ["node(s) didn't match Pod's node affinity/selector"]
    zero = Decimal(0)
    lacking = [
        name for name, amount in requests(spec).items() if zero < amount > machine.free.get(name, zero)
    ]
    return sorted("Too many pods" if name == "pods" else f"Insufficient {name}" for name in lacking)


def untolerated(tolerations: Sequence[Toleration], taints: Iterable[Taint]) -> Taint | None:
    """The first taint that keeps a pod off a node, if any."""
    for taint in taints:
        if taint.effect != "PreferNoSchedule" and not any(_tolerates(one, taint) for one in tolerations):
            return taint
    return None


def selects(spec: PodSpec, machine: Machine) -> bool:
    """Whether a pod's node selector and required node affinity accept a machine."""
    if any(machine.labels.get(key) != value for key, value in (spec.nodeSelector or {}).items()):
        return False
    affinity = spec.affinity.nodeAffinity if spec.affinity else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity else None
    return required is None or any(_matches(term, machine) for term in required.nodeSelectorTerms)


def _asked(container: Container) -> Amounts:
    if not (resources := container.resources):
        return {}
    # The API server fills a missing request from the limit in a pod, but not in a pod template.
    return {**amounts(resources.limits), **amounts(resources.requests)}


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and (toleration.value or "") == taint.value


def _matches(term: NodeSelectorTerm, machine: Machine) -> bool:
    labels, fields = term.matchExpressions or [], term.matchFields or []
    # A term without any requirement matches nothing.
    return bool(labels or fields) and (
        all(_holds(one, machine.labels) for one in labels)
        and all(_holds(one, {"metadata.name": machine.name}) for one in fields)
    )


def _holds(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.key), requirement.values or []
    match requirement.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as order:
            if value is None or not value.lstrip("-").isdigit():
                return False
            return int(value) > int(values[0]) if order == "Gt" else int(value) < int(values[0])
        case unknown:
            raise ValueError(f"node affinity operator {unknown!r} is none of Kubernetes'")
