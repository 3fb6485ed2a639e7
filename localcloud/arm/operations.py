"""Long-running operations: what ARM accepts now and finishes later, one at a time on each cluster or network.

An operation belongs to ARM, not to the process that asked for it: it ends at its time, whoever looks next.
"""

import time
from typing import NamedTuple

from localcloud.arm.refusal import ArmError
from localcloud.arm.store import Store, Stored

DURATION = "operation_seconds"
"""Setting of the store: how long an operation takes, in seconds."""

_DEFAULT_S = 0.1
_UNDER_WAY = ("Creating", "Updating", "Deleting")


class Operation(NamedTuple):
    """One operation under way."""

    resource_id: str
    verb: str
    """Creating, Updating or Deleting: the provisioningState meanwhile."""


def begin(store: Store, scope: str, operation: Operation, error: ArmError | None = None) -> int:
    """Start an operation within ``scope``; returns its number. With an error it ends in that."""
    duration = float(store.setting(DURATION) or _DEFAULT_S)
    [(number,)] = store.execute(
        "INSERT INTO operations (scope, resource_id, verb, due, code, message) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING number",
        scope,
        operation.resource_id,
        operation.verb,
        time.time() + duration,
        error and error.code,
        error and error.message,
    )
    return number


def running(store: Store, scope: str) -> Operation | None:
    """What is under way within a scope."""
    rows = store.execute(
        "SELECT resource_id, verb FROM operations WHERE NOT done AND scope = ? ORDER BY number", scope
    )
    return Operation(*rows[0]) if rows else None


def is_done(store: Store, number: int) -> bool:
    """Whether an operation has ended.

    Raises:
        ArmError: it has, and failed.
    """
    settle(store)
    [(done, code, message)] = store.execute(
        "SELECT done, code, message FROM operations WHERE number = ?", number
    )
    if done and code is not None:
        raise ArmError(None, code, message)
    return bool(done)


def settle(store: Store) -> None:
    """End the operations whose time has come."""
    due = "FROM operations WHERE NOT done AND due <= ? ORDER BY number"
    if not store.execute(f"SELECT 1 {due} LIMIT 1", time.time()):
        return
    with store.transaction():
        rows = store.execute(f"SELECT number, resource_id, verb, code {due}", time.time())
        for number, resource_id, verb, code in rows:
            _end(store, Operation(resource_id, verb), failed=code is not None)
            store.execute("UPDATE operations SET done = TRUE WHERE number = ?", number)


def _end(store: Store, operation: Operation, *, failed: bool) -> None:
    within = store.within(operation.resource_id)
    if operation.verb == "Deleting" and not failed:
        for stored in reversed([*within, *_managed(store, operation.resource_id)]):
            store.delete(stored.id)
        return
    for stored in within:
        if stored.id.lower() == operation.resource_id.lower() or is_under_way(stored.properties):
            store.change(stored.id, provisioningState="Failed" if failed else "Succeeded")


def _managed(store: Store, resource_id: str) -> list[Stored]:
    """Resource groups that a service made for a resource, with all that is in them: they go with it."""
    groups = store.all("azure-native:resources:ResourceGroup")
    own = [group for group in groups if group.properties.get("managedBy", "").lower() == resource_id.lower()]
    return [stored for group in own for stored in store.within(group.id)]


def is_under_way(properties: dict[str, object]) -> bool:
    """Whether a resource is being made, changed or deleted."""
    return properties.get("provisioningState") in _UNDER_WAY
