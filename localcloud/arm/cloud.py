"""Azure Resource Manager: takes PUT, GET and DELETE by ARM id, refuses what ARM refuses, keeps the rest."""

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from localcloud.arm import capacity, operations
from localcloud.arm.difference import location
from localcloud.arm.faults import Fault
from localcloud.arm.immutability import settled
from localcloud.arm.kinds import Kind, kind, kinds
from localcloud.arm.operations import Operation
from localcloud.arm.refusal import ArmError, refusal, refusals
from localcloud.arm.request import Put, group_name
from localcloud.arm.services import agent_pool, managed_cluster, network, service
from localcloud.arm.store import Store, Stored, now
from localcloud.arm.wire import Properties, at

_NAMES = Path(__file__).parent / "tables" / "names.csv"
_MAX_TAGS = 50
_GROUP = "azure-native:resources:ResourceGroup"
_ZONE = "azure-native:privatedns:PrivateZone"


class UnansweredError(Exception):
    """No answer will ever come: the stand-in was told so."""

    def __init__(self, *, accepted: bool) -> None:
        """Whether ARM took the request before it fell silent."""
        super().__init__("no answer")
        self.accepted = accepted


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


class Cloud:
    """One reader or writer of the stand-in's Azure."""

    def __init__(self, store: Store) -> None:
        """Over an open store."""
        self._store = store

    def get(self, resource_id: str) -> Properties | None:
        """What a GET answers, in the SDK's names, or None for a 404."""
        operations.settle(self._store)
        stored = self._store.get(resource_id)
        return None if stored is None else self._shown(stored)

    def put(self, kind: Kind, resource_id: str, body: Properties) -> int | None:
        """Create or update; returns the number of the operation that is to be polled, None if it is done.

        Raises:
            ArmError: ARM refuses; nothing has changed.
            UnansweredError: no answer comes.
        """

        def accept(failure: ArmError | None) -> int | None:
            current, before = self._store.get(resource_id), self._nodes(resource_id)
            self._put(Put(kind, resource_id, body, current, self._store))
            verb = "Creating" if current is None else "Updating"
            return self._begin(
                kind, Operation(resource_id, verb), failure or self._allocation_error(resource_id, before)
            )

        return self._write(kind, resource_id, accept)

    def delete(self, resource_id: str) -> int | None:
        """Delete a resource and what lies under it; an absent one is no error.

        Returns the number of the operation that is to be polled, None if it is done.

        Raises:
            ArmError: ARM refuses; nothing has changed.
            UnansweredError: no answer comes.
        """
        operations.settle(self._store)
        stored = self._store.get(resource_id)
        if stored is None:
            return None
        of = kind(stored.type)

        def accept(failure: ArmError | None) -> int | None:
            if self._store.get(resource_id) is None:  # Somebody else was faster.
                return None
            self._refuse_delete(stored)
            if of.long_running:
                self._store.change(resource_id, provisioningState="Deleting")
            elif failure is None:
                self._delete(stored)
            return self._begin(of, Operation(resource_id, "Deleting"), failure)

        return self._write(of, resource_id, accept)

    def _write(
        self, of: Kind, resource_id: str, accept: Callable[[ArmError | None], int | None]
    ) -> int | None:
        """One write: counted even if it is refused, and struck by what was ordered for it.

        A write in whose way another operation stands is not counted: it will be sent again.
        """
        with self._store.transaction():
            operations.settle(self._store)
            self._refuse_busy(of, resource_id)
            fault = self._store.count(of.token, resource_id.rpartition("/")[2])
            refused = number = None
            try:
                if fault is not None and fault.kind == "refuse":
                    raise _error(fault)
                if fault is None or fault.kind != "hang":
                    failure = _error(fault) if fault is not None and fault.kind == "fail" else None
                    with self._store.transaction():
                        number = accept(failure)
            except ArmError as error:
                refused = error
        if refused is not None:
            raise refused
        if fault is not None and fault.kind in ("stall", "hang"):
            raise UnansweredError(accepted=fault.kind == "stall")
        return number

    def _begin(self, of: Kind, operation: Operation, failure: ArmError | None) -> int | None:
        if not of.long_running and failure is None:
            return None
        return operations.begin(self._store, _scope(of, operation.resource_id), operation, failure)

    def _nodes(self, resource_id: str) -> dict[str, int]:
        """Nodes of a pool or of a cluster's pools by id; a failed pool is taken to have none."""
        return {
            pool.id: 0 if pool.properties.get("provisioningState") == "Failed" else pool.properties["count"]
            for pool in self._store.within(resource_id)
            if pool.type == agent_pool.POOL
        }

    def _allocation_error(self, resource_id: str, before: dict[str, int]) -> ArmError | None:
        """Why the nodes that a PUT adds cannot be made."""
        pools = [pool for pool in self._store.within(resource_id) if pool.type == agent_pool.POOL]
        errors = (
            capacity.allocation_error(self._store, pool.id, before.get(pool.id, 0), pool.properties)
            for pool in pools
        )
        return next((error for error in errors if error is not None), None)

    def _refuse_busy(self, of: Kind, resource_id: str) -> None:
        """One operation at a time on a cluster and its pools, or on a network and its subnets."""
        busy = operations.running(self._store, _scope(of, resource_id)) if of.long_running else None
        if busy is not None:
            name = busy.resource_id.rpartition("/")[2]
            raise refusal(of.busy, name=name, verb=busy.verb)

    def _refuse_delete(self, stored: Stored) -> None:
        if stored.type in (network.NETWORK, network.SUBNET):
            network.refuse_delete(self._store, stored)
        if stored.type == agent_pool.POOL and stored.parent_id is not None:
            agent_pool.refuse_last_system_pool(stored, self._store.children(stored.parent_id))

    def _delete(self, stored: Stored) -> None:
        for part in reversed(self._store.within(stored.id)):
            self._store.delete(part.id)

    def _put(self, put: Put) -> Stored:
        self._refuse(put)
        offered = service(put.kind.token)
        shown = offered.properties(put, settled(put))
        offered.refuse(put, shown)
        if put.kind.long_running:
            shown["provisioningState"] = "Creating" if put.current is None else "Updating"
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
        if put.kind.token == managed_cluster.CLUSTER:
            self._put_private_zone(put, stored)
        return stored

    def _put_private_zone(self, put: Put, cluster: Stored) -> None:
        """The DNS zone of a private cluster, in the resource group of its nodes, which goes with it."""
        made = managed_cluster.private_zone(cluster)
        if made is None or self._store.get(made.zone) is not None:
            return
        for token, made_id, body in (
            (_GROUP, made.group, {"location": put.location, "managedBy": cluster.id}),
            (_ZONE, made.zone, {"location": "global"}),
        ):
            self._put(Put(kind(token), made_id, body, self._store.get(made_id), self._store))

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
                self._refuse_delete(present[name])
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
        tags = put.body.get("tags") or {}
        if len(tags) > _MAX_TAGS:
            raise refusal("TooManyTags", count=len(tags), resource=put.id)
        if len({key.lower() for key in tags}) < len(tags):
            raise refusal("AmbiguousTags", resource=put.id)
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


def _scope(of: Kind, resource_id: str) -> str:
    """The resource of which only one part can be under way at a time."""
    return of.parent_id(resource_id) or resource_id


def _error(fault: Fault) -> ArmError:
    """What ARM says where it was told to refuse or to fail."""
    row = refusals()[fault.refusal]
    return ArmError(row.status, row.code, fault.message or row.message)


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
