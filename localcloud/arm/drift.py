"""Changes that somebody makes by hand, past the program."""

from threading import Event
from typing import Any

from localcloud.arm.client import Client
from localcloud.arm.difference import as_inputs
from localcloud.arm.kinds import kind
from localcloud.arm.sdk import shape_of
from localcloud.arm.store import Store
from localcloud.arm.wire import Properties


def change_by_hand(store: Store, resource_id: str, **changes: Any) -> Properties:
    """Change some properties of a resource as a person in the portal does: a GET, then a PUT of it all.

    ``changes`` are whole properties by the SDK's camelCase names; None takes one away. Returns what a GET
    shows afterwards.

    Raises:
        LookupError: no such resource.
        ArmError: ARM refuses; nothing has changed.
        OperationFailedError: accepted, then failed.
    """
    stored = store.get(resource_id)
    if stored is None:
        raise LookupError(f"no resource {resource_id}")
    of = kind(stored.type)
    body = {**as_inputs(shape_of(of.token), stored.properties), **changes}
    hidden = {*of.parameters, "azureApiVersion"}
    sent = {name: value for name, value in body.items() if name not in hidden and value is not None}
    return Client(store, Event()).put(of, resource_id, sent)
