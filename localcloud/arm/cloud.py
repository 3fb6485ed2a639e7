"""Azure Resource Manager: takes PUT, GET and DELETE by ARM id, refuses what ARM refuses, keeps the rest."""

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from localcloud.arm.difference import location
from localcloud.arm.faults import Fault
from localcloud.arm.immutability import settled
from localcloud.arm.kinds import Kind, kind, kinds
from localcloud.arm.refusal import ArmError, RequestError, refusal, refusals
from localcloud.arm.request import Put, group_name
from localcloud.arm.services import agent_pool, managed_cluster, network, service
from localcloud.arm.store import Store, Stored, now
from localcloud.arm.wire import Properties, at

_NAMES = Path(__file__).parent / "tables" / "names.csv"
_GROUP = "azure-native:resources:ResourceGroup"


class OperationFailedError(Exception):
    """ARM accepted a PUT and its operation failed afterwards: the resource exists, half made."""

    def __init__(self, resource_id: str, outputs: Properties, error: RequestError) -> None:
        """The resource as it stands, and why it failed."""
        super().__init__(str(error))
        self.resource_id = resource_id
        self.outputs = outputs


class CanceledError(RequestError):
    """The engine cancelled while an answer was awaited."""

    def __init__(self) -> None:
        """In the words of the provider that is stood in for."""
        super().__init__("context canceled")


class NameRule(NamedTuple):
    """What names a type allows."""

    pattern: re.Pattern[str]
    refusal: str


@cache
def name_rules() -> dict[str, NameRule]:
    """The rules of ``names.csv`` by type token."""
    with _NAMES.open(newline="") as lines:
        return {
            row["type"]: NameRule(re.compile(row["pattern"]), row["refusal"]) for row in csv.DictReader(lines)
        }


Accepted = TypeVar("Accepted")


class Cloud:
    """One reader or writer of the stand-in's Azure."""

    def __init__(self, store: Store, cancelled: Event | None = None) -> None:
        """Over an open store; ``cancelled`` ends all waiting for answers."""
        self._store = store
        self._cancelled = cancelled or Event()

    def get(self, resource_id: str) -> Properties | None:
        """What a GET answers, in the SDK's names, or None for a 404."""
        stored = self._store.get(resource_id)
        return None if stored is None else self._shown(stored)

    def put(self, kind: Kind, resource_id: str, body: Properties, *, new: bool = False) -> Properties:
        """Create or update; returns what a GET shows afterwards.

        Raises:
            RequestError: it is to be ``new``, and exists; or cancelled before ARM took it.
            ArmError: ARM refuses; nothing has changed.
            OperationFailedError: accepted, then failed or cancelled; the resource exists.
        """
        if new and self._store.get(resource_id) is not None:
            raise RequestError(f"cannot create already existing resource '{resource_id}'")

        def accept(fault: Fault | None) -> Stored:
            current = self._store.get(resource_id)
            stored = self._put(Put(kind, resource_id, body, current, self._store))
            if fault is not None and fault.kind == "fail":
                return self._store.change(resource_id, provisioningState="Failed")
            return stored

        stored, fault = self._write(kind.token, resource_id.rpartition("/")[2], accept)
        if fault is None:
            return self._shown(stored)
        if fault.kind == "fail":
            raise OperationFailedError(resource_id, self._shown(stored), _error(fault, accepted=True))
        self._cancelled.wait()
        raise OperationFailedError(resource_id, self._shown(stored), CanceledError())

    def delete(self, resource_id: str) -> None:
        """Delete a resource and what lies under it; an absent one is no error.

        Raises:
            ArmError: ARM refuses, nothing has changed; or its operation failed afterwards.
        """
        stored = self._store.get(resource_id)
        if stored is None:
            return

        def accept(fault: Fault | None) -> None:
            if fault is not None and fault.kind == "fail":
                self._store.change(resource_id, provisioningState="Failed")
            else:
                self._delete(stored)

        _, fault = self._write(stored.type, stored.name, accept)
        if fault is not None and fault.kind == "fail":
            raise _error(fault, accepted=True)
        if fault is not None:
            self._cancelled.wait()
            raise CanceledError

    def _write(
        self, token: str, name: str, accept: Callable[[Fault | None], Accepted]
    ) -> tuple[Accepted, Fault | None]:
        """One write operation: counted even if it is refused, and struck by what was ordered for it."""
        with self._store.transaction():
            fault = self._store.count(token, name)
            try:
                if fault is not None and fault.kind == "refuse":
                    raise _error(fault)
                if fault is None or fault.kind != "hang":
                    with self._store.transaction():
                        return accept(fault), fault
            except ArmError as error:
                refused = error
            else:
                refused = None
        if refused is not None:
            raise refused
        self._cancelled.wait()
        raise CanceledError

    def _delete(self, stored: Stored) -> None:
        if stored.type in (network.NETWORK, network.SUBNET):
            network.refuse_delete(self._store, stored)
        if stored.type == agent_pool.POOL and stored.parent_id is not None:
            agent_pool.refuse_last_system_pool(stored, self._store.children(stored.parent_id))
        for part in reversed(self._store.within(stored.id)):
            self._store.delete(part.id)

    def _put(self, put: Put) -> Stored:
        self._refuse(put)
        offered = service(put.kind.token)
        shown = offered.properties(put, settled(put))
        offered.refuse(put, shown)
        inline = {name: shown.pop(name, None) for name in put.kind.children}
        stored = self._store.put(
            Stored(
                id=put.id,
                type=put.kind.token,
                name=put.name,
                parent_id=put.kind.parent_id(put.id),
                properties=shown,
                created=now(),
            )
        )
        for name, token in put.kind.children.items():
            if inline[name] is not None:
                self._put_children(put, kind(token), inline[name])
        return stored

    def _put_children(self, put: Put, child: Kind, wanted: list[Properties]) -> None:
        """Children sent within their parent's PUT.

        A cluster takes no new pool this way and keeps those left out; a network makes and deletes subnets.
        """
        segment = child.id.rpartition("/{")[0].rpartition("/")[2]
        present = {
            stored.name: stored for stored in self._store.children(put.id) if stored.type == child.token
        }
        names = [str(item["name"]) for item in wanted]
        if (
            put.kind.token == managed_cluster.CLUSTER
            and put.current is not None
            and not present.keys() >= set(names)
        ):
            raise refusal("NewPoolInCluster")
        if put.kind.token == network.NETWORK:
            for name in present.keys() - set(names):
                self._delete(present[name])
        for item, name in zip(wanted, names, strict=True):
            body = {key: value for key, value in item.items() if key != "name"}
            self._put(
                Put(child, f"{put.id}/{segment}/{name}", body, present.get(name), self._store, inline=True)
            )

    def _refuse(self, put: Put) -> None:
        """What ARM checks for every type, before the service sees the PUT."""
        rule = name_rules().get(put.kind.token)
        if rule is not None and not rule.pattern.fullmatch(put.name):
            raise refusal(rule.refusal, name=put.name)
        if put.kind.token != _GROUP and put.group_id is not None and self._store.get(put.group_id) is None:
            raise refusal("ResourceGroupNotFound", group=group_name(put.id))
        parent_id = put.kind.parent_id(put.id)
        if parent_id is not None and put.parent is None:
            raise refusal("ParentResourceNotFound", parent=parent_id.rpartition("/")[2])
        if put.current is None:
            self._refuse_taken(put)
        else:
            _refuse_move(put, put.current)
        for path in put.kind.refers_to:
            for referenced in at(put.body, path):
                if self._served(str(referenced)) and self._store.get(referenced) is None:
                    raise refusal("InvalidResourceReference", referenced=referenced, resource=put.id)

    def _refuse_taken(self, put: Put) -> None:
        if put.kind.taken is not None:
            others = self._store.all(put.kind.token)
            if any(other.name.lower() == put.name.lower() for other in others):
                raise refusal(put.kind.taken, name=put.name)

    @staticmethod
    def _served(resource_id: str) -> bool:
        """Whether the stand-in can know if a resource of that id exists."""
        return any(known.parse(resource_id) for known in kinds().values())

    def _shown(self, stored: Stored) -> Properties:
        """Properties with what ARM adds to every answer, and children that a GET shows inline."""
        shown = {
            **stored.properties,
            "name": stored.name,
            "type": kind(stored.type).arm_type,
            "id": stored.id,
        }
        if stored.type in (managed_cluster.CLUSTER, agent_pool.POOL):
            shown["eTag"] = f"{stored.revision:08d}"
        for name, token in kind(stored.type).children.items():
            children = [child for child in self._store.children(stored.id) if child.type == token]
            shown[name] = [_inline(child) for child in children]
        return {**shown, "azureApiVersion": kind(stored.type).api}


def _error(fault: Fault, *, accepted: bool = False) -> ArmError:
    """What ARM says where it was told to refuse or to fail."""
    row = refusals()[fault.refusal]
    return ArmError(None if accepted else row.status, row.code, fault.message or row.message)


def _inline(child: Stored) -> Properties:
    return {
        **child.properties,
        "name": child.name,
        **({"id": child.id} if child.type == network.SUBNET else {}),
    }


def _refuse_move(put: Put, current: Stored) -> None:
    wanted, present = put.body.get("location"), current.properties.get("location")
    if wanted is None or present is None or location(wanted) == location(present):
        return
    if put.kind.token == _GROUP:
        raise refusal("InvalidResourceGroupLocation", wanted=wanted, location=present)
    raise refusal(
        "InvalidResourceLocation", name=put.name, location=present, wanted=wanted, group=group_name(put.id)
    )
