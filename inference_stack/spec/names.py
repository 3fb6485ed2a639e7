"""Forms that names and ids must have, wherever they stand."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo

from .schema import FORM

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
"""Lower case, digits and dashes, beginning with a letter: valid as a Kubernetes name and as a URL part."""

PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,6}$")]
"""At most seven characters: AKS allows twelve, and five carry a hash of what cannot be changed in place."""

_SUBSCRIPTION = (
    r"(?i)^/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[^/]+/providers"
)


def form(words: str) -> FieldInfo:
    """Says in words what a pattern wants."""
    return Field(json_schema_extra={FORM: words})


AgentPoolId = Annotated[
    str,
    StringConstraints(
        pattern=_SUBSCRIPTION
        + r"/Microsoft\.ContainerService/managedClusters/[^/]+/agentPools/[a-z][a-z0-9]{0,11}$"
    ),
    form("an ARM id: /subscriptions/…/managedClusters/…/agentPools/…"),
]
"""ARM id of a node pool of AKS."""

CapacityReservationGroupId = Annotated[
    str,
    StringConstraints(pattern=_SUBSCRIPTION + r"/Microsoft\.Compute/capacityReservationGroups/[^/]+$"),
    form("an ARM id: /subscriptions/…/capacityReservationGroups/…"),
]
"""ARM id of a capacity reservation group."""

VirtualNetworkId = Annotated[
    str,
    StringConstraints(pattern=_SUBSCRIPTION + r"/Microsoft\.Network/virtualNetworks/[^/]+$"),
    form("an ARM id: /subscriptions/…/virtualNetworks/…"),
]
"""ARM id of a virtual network."""

ActionGroupId = Annotated[
    str,
    StringConstraints(pattern=_SUBSCRIPTION + r"/Microsoft\.Insights/actionGroups/[^/]+$"),
    form("an ARM id: /subscriptions/…/actionGroups/…"),
]
"""ARM id of an action group."""

ObjectId = Annotated[
    str,
    StringConstraints(pattern=r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    form("an id of Entra such as 2f5c5b0e-0000-4000-8000-000000000001"),
]
"""Object id of a user, group or service principal of Entra."""

Taint = Annotated[
    str,
    StringConstraints(pattern=r"^[^=:\s]+=[^=:\s]*:(NoSchedule|PreferNoSchedule|NoExecute)$"),
    form("key=value:effect, with NoSchedule, PreferNoSchedule or NoExecute"),
]
"""A taint of nodes, `key=value:effect`."""


def family(name: str) -> str:
    """A quota family as Azure means it: case and spaces vary between its services."""
    return name.replace(" ", "").lower()


Zone = Literal["1", "2", "3"]
"""An availability zone of a region."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Vcpus = Annotated[int, Field(ge=0, le=10_000_000)]
Gigabytes = Annotated[int, Field(ge=30, le=2048)]
