"""A PUT on its way through ARM."""

import re
import uuid
from dataclasses import dataclass, field

from localcloud.arm.kinds import Kind
from localcloud.arm.store import Store, Stored
from localcloud.arm.wire import Properties

SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000001"
TENANT_ID = "00000000-0000-0000-0000-000000000002"
CLIENT_ID = "00000000-0000-0000-0000-000000000003"
OBJECT_ID = "00000000-0000-0000-0000-000000000004"
"""Who the stand-in says is asking, where the configuration names nobody."""

_GROUP = re.compile(r"^(/subscriptions/[^/]+/resourceGroups/([^/]+))(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Put:
    """One PUT: what is wanted, what there is, and the cloud around it."""

    kind: Kind
    id: str
    body: Properties
    """What was sent: no path parameters."""
    current: Stored | None
    """None if the PUT creates."""
    store: Store
    inline: bool = False
    """Sent as part of its parent's PUT."""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Take the name from the id."""
        object.__setattr__(self, "name", self.id.rpartition("/")[2])

    @property
    def group_id(self) -> str | None:
        """ARM id of the resource group, if the id lies in one."""
        match = _GROUP.match(self.id)
        return match[1] if match else None

    @property
    def location(self) -> str:
        """Where the resource lives: its own location, its parent's or its group's."""
        for stored in (self.parent, self.store.get(self.group_id or "")):
            found = self.body.get("location") or (stored and stored.properties.get("location"))
            if found:
                return str(found)
        return "global"

    @property
    def parent(self) -> Stored | None:
        """The resource that this one is a child of."""
        parent_id = self.kind.parent_id(self.id)
        return self.store.get(parent_id) if parent_id else None

    def before(self, name: str) -> object:
        """What a property holds now, or None."""
        return self.current.properties.get(name) if self.current else None


def group_name(resource_id: str) -> str:
    """The resource group that an ARM id lies in; empty if none."""
    match = _GROUP.match(resource_id)
    return match[2] if match else ""


def guid(resource_id: str, purpose: str) -> str:
    """A GUID that stays the same for a resource, as its principal or client id does."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{purpose}:{resource_id.lower()}"))
